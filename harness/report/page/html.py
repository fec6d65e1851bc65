"""The page as one HTML file that needs nothing beside it: what its Markdown says, with the figures inside."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup
from mdit_py_plugins.anchors import anchors_plugin

_SUMMARY = re.compile(r"<summary>(.*)</summary>")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONG = 24  # characters: a shorter cell stays on one line, so that what wraps is the prose and not the names
_SMALL = 900  # pixels: a figure that is not wider can still be read at half the width of the page


def render_html(title: str, markdown: str, images: Mapping[str, bytes]) -> str:
    """The page as HTML; the same arguments give the same text.

    Args:
        title: of the document, plain text.
        markdown: the page. Of HTML it may hold `<details>` and `<summary>`; any other is shown as text.
        images: path of each image, as the Markdown has it, to the content of the PNG file.

    Raises:
        ValueError: an image of the page is not among `images`, or not a PNG file.
    """
    parser = MarkdownIt("commonmark", {"xhtmlOut": False}, renderer_cls=_Renderer).enable("table")
    parser.use(anchors_plugin, min_level=2, max_level=2, slug_func=_slug)
    parser.core.ruler.push("adapt", _adapt)
    parser.core.ruler.push("figures", _make_figures)
    env = {"images": {parser.normalizeLink(path): _data_image(path, content) for path, content in images.items()}}
    opening, *rest = _split_at_headings(parser.parse(markdown, env))
    if rest:
        _part_statements(rest[0])

    def html(tokens: Sequence[Token]) -> Markup:
        return Markup(parser.renderer.render(tokens, parser.options, env))

    parts = [{"anchor": part[0].attrs["id"], "heading": _text(part[1]), "body": html(part[3:])} for part in rest]
    style, script = _asset("report.css"), _asset("report.js")
    templates = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return templates.get_template("report.html.j2").render(
        title=title,
        opening=html(opening),
        sections=parts,
        style=Markup(style),
        script=Markup(script),
        style_hash=_content_hash(style),
        script_hash=_content_hash(script),
    )


class _Renderer(RendererHTML):
    """HTML in which every table has a box to scroll in."""

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<div class="scroll">\n{self.renderToken(tokens, idx, options, env)}'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"{self.renderToken(tokens, idx, options, env)}</div>\n"


def _adapt(state: StateCore) -> None:
    """Put images inside, and leave no markup that is not the template's and no inline style."""
    for token, after in itertools.zip_longest(state.tokens, state.tokens[1:]):
        for child in token.children or []:
            if child.type == "html_inline":
                child.type = "text"
            elif child.type == "image":
                path = child.attrs["src"]
                if path not in state.env["images"]:
                    raise ValueError(f"the page shows the image {path}, which is not among the images given")
                child.attrs = dict(state.env["images"][path])
        if token.type == "html_block":
            token.content = "".join(_disclosure(line, state) for line in token.content.splitlines())
        elif token.type == "th_open":
            token.attrs = {"scope": "col"} | _cell_class(token, "")
        elif token.type == "td_open":
            token.attrs = _cell_class(token, after.content)


def _disclosure(line: str, state: StateCore) -> str:
    """HTML of a line of `<details>` or `<summary>`; a line of any other HTML becomes text."""
    if summary := _SUMMARY.fullmatch(line):
        line = f"<summary>{state.md.renderInline(summary[1], state.env)}</summary>"
    elif line not in ("<details>", "</details>"):
        line = f"<p>{escapeHtml(line)}</p>"
    return f"{line}\n"


def _cell_class(cell: Token, content: str) -> dict[str, str | int | float]:
    """The policy of the page forbids style attributes, so alignment becomes a class; so does long prose."""
    if cell.attrs.get("style") == "text-align:right":
        return {"class": "number"}
    return {"class": "long"} if len(content) > _LONG else {}


def _make_figures(state: StateCore) -> None:
    """A paragraph of one image becomes a figure, and the italic paragraph right after it the caption."""
    tokens = state.tokens
    for place in range(len(tokens)):
        shown, caption = _paragraph(tokens[place : place + 3]), _paragraph(tokens[place + 3 : place + 6])
        if [child.type for child in shown] != ["image"]:
            continue
        opened, _, closed = tokens[place : place + 3]
        opened.tag = closed.tag = "figure"
        if int(shown[0].attrs["width"]) <= _SMALL:
            opened.attrs["class"] = "small"
        if [child.type for child in caption if child.level == 0] == ["em_open", "em_close"]:
            begun, words, ended = tokens[place + 3 : place + 6]
            begun.tag = ended.tag = "figcaption"
            words.children = caption[1:-1]
            tokens[place + 2 : place + 6] = [begun, words, ended, closed]


def _paragraph(tokens: Sequence[Token]) -> list[Token]:
    """What is in three tokens that are a paragraph; nothing otherwise."""
    if [token.type for token in tokens] != ["paragraph_open", "inline", "paragraph_close"]:
        return []
    return [child for child in tokens[1].children or [] if child.type != "text" or child.content]


def _split_at_headings(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """What comes before the first heading of the second level, then each such heading with what follows it."""
    starts = [
        position
        for position, token in enumerate(tokens)
        if (token.type, token.tag, token.level) == ("heading_open", "h2", 0)
    ]
    return [tokens[start:end] for start, end in itertools.pairwise([0, *starts, len(tokens)])]


def _part_statements(tokens: Sequence[Token]) -> None:
    """Make every line of a paragraph a paragraph of its own: the summary has a statement on each."""
    for before, token in itertools.pairwise(tokens):
        if before.tag == "p" and before.nesting == 1 and not before.hidden:
            for child in token.children or []:
                if child.type == "softbreak" and child.level == 0:
                    child.type, child.content = "html_inline", "</p>\n<p>"


def _data_image(path: str, content: bytes) -> dict[str, str | int]:
    """Attributes of an image that holds its file; the size keeps the page from moving while it is laid out."""
    if not content.startswith(_PNG_SIGNATURE) or len(content) < 24:
        raise ValueError(f"{path} is not a PNG file")
    width, height = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    source = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
    return {"src": source, "width": width, "height": height}


def _slug(heading: str) -> str:
    """An id as GitHub makes it of a heading, so that links to a section fit both pages."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") or "section"


def _text(token: Token) -> str:
    return "".join(" " if child.type == "softbreak" else child.content for child in token.children or [])


def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _content_hash(content: str) -> str:
    """The hash by which a content security policy knows this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"
