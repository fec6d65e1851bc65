"""Conversion of a Markdown page to one self-contained HTML file, with its figures."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup
from mdit_py_plugins.anchors import anchors_plugin

from harness.report.page.markdown import jinja_environment

_SUMMARY = re.compile(r"<summary>(.*)</summary>")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONG = 24  # characters; shorter cells stay on one line, so that names do not wrap
_SMALL = 900  # pixels; figures up to this width are readable at half the width of the page


def render_html(title: str, markdown: str, images: Mapping[str, bytes]) -> str:
    """Render a page as HTML. The same arguments give the same text.

    Args:
        title: Title of the document, as plain text.
        markdown: The page. It may contain the HTML tags `<details>` and `<summary>`. Other HTML is
            shown as text.
        images: Content of each PNG file, by the path that the Markdown uses.

    Raises:
        ValueError: An image of the page is not in `images`, or is not a PNG file.
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
    template = jinja_environment(__package__, autoescape=True).get_template("report.html.j2")
    return template.render(
        title=title,
        opening=html(opening),
        sections=parts,
        style=Markup(style),
        script=Markup(script),
        style_hash=_content_hash(style),
        script_hash=_content_hash(script),
    )


class _Renderer(RendererHTML):
    """A renderer that puts every table into a box that can scroll."""

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<div class="scroll">\n{self.renderToken(tokens, idx, options, env)}'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"{self.renderToken(tokens, idx, options, env)}</div>\n"


def _adapt(state: StateCore) -> None:
    """Embed the images, and remove inline styles and all markup that is not from the template."""
    for token, after in itertools.zip_longest(state.tokens, state.tokens[1:]):
        for child in token.children or []:
            if child.type == "html_inline":
                child.type = "text"
            elif child.type == "image":
                path = child.attrs["src"]
                if path not in state.env["images"]:
                    raise ValueError(f"the page shows the image {path}, which is missing in `images`")
                child.attrs = dict(state.env["images"][path])
        if token.type == "html_block":
            token.content = "".join(_disclosure(line, state) for line in token.content.splitlines())
        elif token.type == "th_open":
            token.attrs = {"scope": "col"} | _cell_class(token, "")
        elif token.type == "td_open":
            token.attrs = _cell_class(token, after.content)


def _disclosure(line: str, state: StateCore) -> str:
    """Convert a line of HTML: `<details>` and `<summary>` stay, all other HTML becomes text."""
    if summary := _SUMMARY.fullmatch(line):
        line = f"<summary>{state.md.renderInline(summary[1], state.env)}</summary>"
    elif line not in ("<details>", "</details>"):
        line = f"<p>{escapeHtml(line)}</p>"
    return f"{line}\n"


def _cell_class(cell: Token, content: str) -> dict[str, str | int | float]:
    """Return the class of a cell. The security policy of the page forbids style attributes."""
    if cell.attrs.get("style") == "text-align:right":
        return {"class": "number"}
    return {"class": "long"} if len(content) > _LONG else {}


def _make_figures(state: StateCore) -> None:
    """Turn an image paragraph into a figure, with the italic paragraph after it as caption."""
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
    """Return the content of three tokens that form a paragraph, otherwise an empty list."""
    if [token.type for token in tokens] != ["paragraph_open", "inline", "paragraph_close"]:
        return []
    return [child for child in tokens[1].children or [] if child.type != "text" or child.content]


def _split_at_headings(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """Split the tokens before each heading of level two."""
    starts = [
        position
        for position, token in enumerate(tokens)
        if (token.type, token.tag, token.level) == ("heading_open", "h2", 0)
    ]
    return [tokens[start:end] for start, end in itertools.pairwise([0, *starts, len(tokens)])]


def _part_statements(tokens: Sequence[Token]) -> None:
    """Turn each line of a paragraph into a paragraph, for the statements of the summary."""
    for before, token in itertools.pairwise(tokens):
        if before.tag == "p" and before.nesting == 1 and not before.hidden:
            for child in token.children or []:
                if child.type == "softbreak" and child.level == 0:
                    child.type, child.content = "html_inline", "</p>\n<p>"


def _data_image(path: str, content: bytes) -> dict[str, str | int]:
    """Return the attributes of an embedded image. The size avoids shifts while the page loads."""
    if not content.startswith(_PNG_SIGNATURE) or len(content) < 24:
        raise ValueError(f"{path} is not a PNG file")
    width, height = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    source = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
    return {"src": source, "width": width, "height": height}


def _slug(heading: str) -> str:
    """Create the id of a heading as GitHub does, so that links to a section work in both pages."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") or "section"


def _text(token: Token) -> str:
    return "".join(" " if child.type == "softbreak" else child.content for child in token.children or [])


def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _content_hash(content: str) -> str:
    """Return the hash that a content security policy uses to allow this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"
