"""The page as one HTML file that needs nothing beside it: what its Markdown says, with the figures inside."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_SUMMARY = re.compile(r"<summary>(.*)</summary>")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONG = 24  # characters: a shorter cell stays on one line, so that what wraps is the prose and not the names
_SMALL = 900  # pixels: a figure that is not wider can still be read at half the width of the page


@dataclass(frozen=True)
class Section:
    """What stands under one heading of the second level.

    Attributes:
        anchor: id of the heading, unique in the page.
        heading: plain text.
        body: HTML of what follows.
    """

    anchor: str
    heading: str
    body: Markup


def render_html(title: str, markdown: str, images: Mapping[str, bytes]) -> str:
    """The page as HTML; the same arguments give the same text.

    Args:
        title: of the document, plain text.
        markdown: the page. Of HTML it may hold `<details>` and `<summary>`; any other is shown as text.
        images: path of each image, as the Markdown has it, to the content of the PNG file.

    Raises:
        ValueError: an image of the page is not among `images`, or not a PNG file.
    """
    parser = MarkdownIt("commonmark", {"xhtmlOut": False}).enable("table")
    embedded = {parser.normalizeLink(path): _data_image(path, content) for path, content in images.items()}
    tokens = [new for token in parser.parse(markdown) for new in _adapted(token, parser, embedded)]
    opening, *rest = _split_at_headings(list(_with_figures(list(_with_long_cells(tokens)))))
    anchors = _anchors([_text(section[1]) for section in rest])
    bodies = [list(_statements(section[3:])) if number == 0 else section[3:] for number, section in enumerate(rest)]
    sections = [
        Section(anchor, _text(section[1]), _html(body, parser))
        for anchor, section, body in zip(anchors, rest, bodies, strict=True)
    ]
    style, script = _asset("report.css"), _asset("report.js")
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            title=title,
            opening=_html(opening, parser),
            sections=sections,
            style=Markup(style),
            script=Markup(script),
            style_hash=_content_hash(style),
            script_hash=_content_hash(script),
        )
    )


def _adapted(token: Token, parser: MarkdownIt, embedded: Mapping[str, Mapping[str, str | int]]) -> Iterator[Token]:
    """The token as this page has it: images inside, no markup that is not the template's, no inline style."""
    match token.type:
        case "inline":
            yield token.copy(children=[_adapted_inline(child, embedded) for child in token.children or []])
        case "html_block":
            for new in _disclosure(token.content, parser):
                yield from _adapted(new, parser, embedded)
        case "table_open":
            yield Token("scroll_open", "div", 1, attrs={"class": "scroll"}, block=True)
            yield token
        case "table_close":
            yield token
            yield Token("scroll_close", "div", -1, block=True)
        case "th_open" | "td_open":
            # The policy of the page forbids style attributes, so alignment becomes a class.
            number = {"class": "number"} if token.attrs.get("style") == "text-align:right" else {}
            scope = {"scope": "col"} if token.type == "th_open" else {}
            yield token.copy(attrs=scope | number)
        case _:
            yield token


def _adapted_inline(token: Token, embedded: Mapping[str, Mapping[str, str | int]]) -> Token:
    match token.type:
        case "html_inline":
            return Token("text", "", 0, content=token.content)
        case "image":
            path = str(token.attrs["src"])
            if path not in embedded:
                raise ValueError(f"the page shows the image {path}, which is not among the images given")
            return token.copy(attrs=dict(embedded[path]))
        case _:
            return token


def _disclosure(block: str, parser: MarkdownIt) -> Iterator[Token]:
    """The tokens of `<details>` and `<summary>` lines; a line of any other HTML becomes text."""
    for line in block.splitlines():
        if line == "<details>":
            yield Token("details_open", "details", 1, block=True)
        elif line == "</details>":
            yield Token("details_close", "details", -1, block=True)
        elif summary := _SUMMARY.fullmatch(line):
            yield Token("summary_open", "summary", 1, block=True)
            yield from parser.parseInline(summary[1])
            yield Token("summary_close", "summary", -1, block=True)
        else:
            yield Token("paragraph_open", "p", 1, block=True)
            yield Token("inline", "", 0, children=[Token("text", "", 0, content=line)])
            yield Token("paragraph_close", "p", -1, block=True)


def _data_image(path: str, content: bytes) -> dict[str, str | int]:
    """Attributes of an image that holds its file; the size keeps the page from moving while it is laid out."""
    if not content.startswith(_PNG_SIGNATURE) or len(content) < 24:
        raise ValueError(f"{path} is not a PNG file")
    width, height = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    source = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
    return {"src": source, "width": width, "height": height}


def _with_long_cells(tokens: Sequence[Token]) -> Iterator[Token]:
    """Cells of a column of words are marked where they are long."""
    for token, content in zip(tokens, [*tokens[1:], *tokens[-1:]], strict=True):
        long = token.type == "td_open" and not token.attrs and len(content.content) > _LONG
        yield token.copy(attrs={"class": "long"}) if long else token


def _with_figures(tokens: Sequence[Token]) -> Iterator[Token]:
    """A paragraph of one image becomes a figure, and the italic paragraph right after it the caption."""
    position = 0
    while position < len(tokens):
        image = _only_image(tokens[position : position + 3])
        if image is None:
            yield tokens[position]
            position += 1
            continue
        caption = _only_emphasis(tokens[position + 3 : position + 6])
        small = {"class": "small"} if int(image.attrs["width"]) <= _SMALL else {}
        yield Token("figure_open", "figure", 1, attrs=dict(small), block=True)
        yield Token("inline", "", 0, children=[image])
        if caption is not None:
            yield Token("figcaption_open", "figcaption", 1, block=True)
            yield Token("inline", "", 0, children=caption)
            yield Token("figcaption_close", "figcaption", -1, block=True)
        yield Token("figure_close", "figure", -1, block=True)
        position += 3 if caption is None else 6


def _only_image(tokens: Sequence[Token]) -> Token | None:
    children = _paragraph(tokens)
    return children[0] if len(children) == 1 and children[0].type == "image" else None


def _only_emphasis(tokens: Sequence[Token]) -> list[Token] | None:
    """What is inside the emphasis when the paragraph is one emphasis from end to end."""
    children = _paragraph(tokens)
    outermost = [child.type for child in children if child.level == 0]
    return children[1:-1] if outermost == ["em_open", "em_close"] else None


def _paragraph(tokens: Sequence[Token]) -> list[Token]:
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


def _statements(tokens: Sequence[Token]) -> Iterator[Token]:
    """Every line of a paragraph as a paragraph of its own: the summary has a statement on each."""
    for before, token in zip([*tokens[:1], *tokens], tokens, strict=False):
        if before.type != "paragraph_open" or token.type != "inline":
            yield token
            continue
        lines: list[list[Token]] = [[]]
        for child in token.children or []:
            if child.type == "softbreak" and child.level == 0:
                lines.append([])
            else:
                lines[-1].append(child)
        yield token.copy(children=lines[0])
        for line in lines[1:]:
            yield Token("paragraph_close", "p", -1, block=True)
            yield Token("paragraph_open", "p", 1, block=True)
            yield token.copy(children=line)


def _anchors(headings: Iterable[str]) -> list[str]:
    """Ids as GitHub makes them of headings, so that links to a section fit both pages."""
    anchors: list[str] = []
    for heading in headings:
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") or "section"
        candidates = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(1)))
        anchors.append(next(anchor for anchor in candidates if anchor not in anchors))
    return anchors


def _text(token: Token) -> str:
    return "".join(" " if child.type == "softbreak" else child.content for child in token.children or [])


def _html(tokens: Sequence[Token], parser: MarkdownIt) -> Markup:
    return Markup(parser.renderer.render(tokens, parser.options, {}))


def _asset(name: str) -> str:
    return (files("harness.report.page") / name).read_text(encoding="utf-8")


def _content_hash(content: str) -> str:
    """The hash by which a content security policy knows this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("harness.report.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
