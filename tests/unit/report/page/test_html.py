"""Tests of the HTML page: its content, and that it loads and runs nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imsave

from harness.report.page.html import render_html
from harness.report.page.markdown import image, markdown_table, md
from harness.report.page.table import Table

VOID = {"br", "hr", "img", "link", "meta"}
# Attributes that make a browser load, follow or run something.
ADDRESSES = {"action", "background", "data", "formaction", "href", "poster", "src", "srcset"}
MARKUP = st.text(st.sampled_from(list("ab1 _*`|<>[]()!#-+=.~&;:/\\$'\"")), max_size=30)
ATTACKS = [
    "<script>alert(1)</script>",
    "<script >alert(1)</script >",
    "</title><script>alert(1)</script>",
    "</style></script><img src=x onerror=alert(1)>",
    "</details></summary></section><h2 id='x'>y</h2>",
    "[click](javascript:alert(1))",
    "![click](https://example.org/a.png)",
    "<javascript:alert(1)>",
    "' onmouseover='alert(1)' x=\"",
    "<!-- <iframe src='https://example.org'>",
    "<![CDATA[ <b> ]]>",
]


@dataclass
class Element:
    """An element with its content: elements and text, in order."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    def all(self, *tags: str) -> list[Element]:
        """Return all elements with these tags inside this element, in the order of the page."""
        return [element for element in self.inside() if element.tag in tags]

    def one(self, tag: str) -> Element:
        """Return the only element with this tag."""
        (found,) = self.all(tag)
        return found

    @property
    def text(self) -> str:
        """Text inside the element."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def inside(self) -> Iterator[Element]:
        """Yield this element and all elements inside it, in the order of the page."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.inside()


class TreeBuilder(HTMLParser):
    """Parser of a page into elements. A missing or misplaced end tag is an error."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("document")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of {tag} is given twice"
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def close(self) -> None:
        super().close()
        assert self._open == [self.root]


def parse(page: str) -> Element:
    """Return the page as elements."""
    builder = TreeBuilder()
    builder.feed(page)
    builder.close()
    return builder.root


def rendered(markdown: str, **images: bytes) -> Element:
    """Return the elements of a page. The images are given by name, without .png."""
    return parse(render_html("Title", markdown, {f"{name}.png": content for name, content in images.items()}))


@pytest.fixture(scope="session")
def dot(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A PNG file of 3 by 2 pixels."""
    path = tmp_path_factory.mktemp("dot") / "dot.png"
    imsave(path, np.zeros((2, 3, 3)))
    return path.read_bytes()


@pytest.fixture(scope="session")
def figures(reported: Path) -> dict[str, bytes]:
    """The figures of the report, by their path in the report folder."""
    return {f"figures/{path.name}": path.read_bytes() for path in (reported / "figures").iterdir()}


@pytest.fixture(scope="session")
def markdown(reported: Path) -> str:
    """The report of a run with failed trials whose reasons contain markup."""
    return (reported / "report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def report(markdown: str, figures: dict[str, bytes]) -> Element:
    """The same report as HTML elements."""
    return parse(render_html("Benchmark report: default", markdown, figures))


def test_the_document_has_language_title_and_encoding(report: Element) -> None:
    """The page has a language, title, encoding, viewport and exactly one h1 heading."""
    assert report.one("html").attributes == {"lang": "en"}
    assert report.one("title").text == "Benchmark report: default"
    assert {"charset": "utf-8"} in [meta.attributes for meta in report.all("meta")]
    assert "viewport" in [meta.attributes.get("name") for meta in report.all("meta")]
    assert [heading.text for heading in report.all("h1")] == ["Benchmark report: synthetic"]


def test_the_contents_lead_to_every_section(report: Element, markdown: str) -> None:
    """The table of contents lists the sections of the Markdown in order, with correct links."""
    links = [(link.attributes["href"], link.text) for link in report.one("nav").all("a")]
    assert links == [(f"#{heading.attributes['id']}", heading.text) for heading in report.all("h2")]
    assert [text for _, text in links] == re.findall(r"^## (.+)$", markdown, re.MULTILINE)
    assert ("#environment-and-reproduction", "Environment and reproduction") in links


def test_a_nested_heading_does_not_start_a_section() -> None:
    """A heading in a quotation stays there and is not in the table of contents."""
    page = rendered("## a\n\n> ## b\n\nc\n")
    assert [link.text for link in page.one("nav").all("a")] == ["a"]
    assert page.one("blockquote").one("h2").text == "b"


def test_ids_are_unique() -> None:
    """Headings with the same text, or without letters, get different ids."""
    page = rendered("a b\n---\n\n## A b!\n\n## a b-1\n\n## ?\n\n## !\n")
    assert [heading.attributes["id"] for heading in page.all("h2")] == [
        "a-b",
        "a-b-1",
        "a-b-1-1",
        "section",
        "section-1",
    ]


def test_only_the_first_section_is_in_the_box(report: Element) -> None:
    """Only the summary is in the box. Each of its lines is a paragraph."""
    boxes = [section for section in report.all("section") if section.attributes.get("class") == "lead"]
    assert [box.one("h2") for box in boxes] == report.all("h2")[:1]
    page = rendered("# t\n\n## Summary\n\none *two\nthree*\nfour\n\n## b\n\nfive\nsix\n")
    assert [paragraph.text for paragraph in page.all("p")] == ["one two\nthree", "four", "five\nsix"]


def test_tables_have_the_cells_of_the_markdown(report: Element, markdown: str) -> None:
    """Every table has the cells of the Markdown, column headers and a scrollable box."""
    rows = [[cell.text for cell in row.all("th", "td")] for row in report.all("tr")]
    lines = [line for line in markdown.splitlines() if line.startswith("|") and not line.startswith("|:")]
    assert len(rows) == len(lines) > 50
    assert ["loss is not finite | <b>in</b> epoch *1*" in row for row in rows].count(True) >= 1
    boxes = [box for box in report.all("div") if box.attributes == {"class": "scroll"}]
    assert [box.one("table") for box in boxes] == report.all("table")
    for table in report.all("table"):
        headers = table.one("thead").all("th")
        assert headers
        assert all(header.attributes["scope"] == "col" for header in headers)
        assert all(len(row.all("td")) == len(headers) for row in table.one("tbody").all("tr"))


def test_columns_of_numbers_are_marked() -> None:
    """Cells and headers of right-aligned columns have a class. Other columns have none."""
    table = Table(pd.DataFrame({"word": ["a"], "number": ["1"]}), frozenset({"word"}))
    page = rendered(markdown_table(table))
    assert [cell.attributes.get("class") for cell in page.all("th", "td")] == [None, "number", None, "number"]


def test_long_words_are_marked() -> None:
    """Long text in a cell can wrap. Short text, numbers and headers do not."""
    table = Table(pd.DataFrame({"a" * 30: ["b" * 24, "c" * 25], "number": ["1" * 30, "2"]}), frozenset({"a" * 30}))
    cells = rendered(markdown_table(table)).all("th", "td")
    assert [cell.text[0] for cell in cells if cell.attributes.get("class") == "long"] == ["c"]


def test_every_figure_is_embedded_with_its_alternative_text(
    report: Element, figures: dict[str, bytes], markdown: str
) -> None:
    """The page contains the image files byte for byte, each with its alternative text."""
    shown = report.all("img")
    wanted = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", markdown)
    assert [shape.attributes["alt"] for shape in shown] == [alternative for alternative, _ in wanted]
    prefix = "data:image/png;base64,"
    sources = [str(shape.attributes["src"]) for shape in shown]
    assert all(source.startswith(prefix) for source in sources)
    contents = [base64.b64decode(source.removeprefix(prefix), validate=True) for source in sources]
    assert contents == [figures[path] for _, path in wanted]


def test_an_image_and_the_italics_after_it_are_a_figure(dot: bytes) -> None:
    """An italic paragraph directly after an image is its caption.

    The size of the image is given.
    """
    page = rendered("![a dot](dot.png)\n\n*It is **black**.*\n", dot=dot)
    figure = page.one("figure")
    assert figure.one("figcaption").text == "It is black."
    assert page.all("em", "p") == []
    attributes = figure.one("img").attributes
    assert (attributes["alt"], attributes["width"], attributes["height"]) == ("a dot", "3", "2")


@pytest.mark.parametrize(
    "after", ["plain", "*italics* and more", "*two* *of them*", "# *heading*", "- *item*", "one\n\n*too late*"]
)
def test_other_text_after_an_image_is_not_a_caption(dot: bytes, after: str) -> None:
    """Only a paragraph that is completely italic and directly follows the image is a caption."""
    page = rendered(f"![a](dot.png)\n\n{after}\n", dot=dot)
    assert page.one("figure").all("figcaption") == []
    plain = re.sub(r"[*#-]", "", after).split()
    assert page.one("main").text.split() == plain


def test_an_image_in_a_line_of_text_is_embedded_there(dot: bytes) -> None:
    """An image inside a paragraph is embedded in that paragraph."""
    paragraph = rendered("before ![a](dot.png) after", dot=dot).one("p")
    assert str(paragraph.one("img").attributes["src"]).startswith("data:image/png")


def test_an_image_that_is_not_given_is_an_error() -> None:
    """An image without content, or from another host, is refused with its path."""
    with pytest.raises(ValueError, match=r"figures/a\.png"):
        render_html("t", "![a](figures/a.png)", {})
    with pytest.raises(ValueError, match=r"https://example\.org/a\.png"):
        render_html("t", "text ![a](https://example.org/a.png)", {})


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"<svg onload='alert(1)'>" * 9])
def test_a_file_that_is_not_a_png_is_an_error(content: bytes) -> None:
    """Content that is not a PNG image is refused with its path."""
    with pytest.raises(ValueError, match=r"a\.png is not a PNG file"):
        render_html("t", "![a](a.png)", {"a.png": content})


def test_paths_with_special_characters_are_found(dot: bytes) -> None:
    """An image is found by its path, even if Markdown encodes the path as a URL."""
    assert rendered("![a](<é b.png>)", **{"é b": dot}).one("img")


def test_collapsed_parts_stay_collapsed(report: Element, markdown: str) -> None:
    """Collapsed parts of the Markdown are collapsed on the page, with the same summary."""
    folded = report.all("details")
    named = [unescape(text) for text in re.findall(r"<summary>(.+)</summary>", markdown)]
    assert [details.one("summary").text for details in folded] == named
    assert all(details.one("summary").text != details.text.strip() for details in folded)


def test_links_to_files_stay_relative(report: Element, markdown: str) -> None:
    """Links to files in the run folder are unchanged."""
    links = [link.attributes["href"] for link in report.one("main").all("a")]
    assert links == re.findall(r"(?<!!)\[[^\]]+\]\(([^)]+)\)", markdown)
    assert "study.yaml" in links


def test_code_is_shown_unchanged() -> None:
    """A fenced code block keeps its characters."""
    assert rendered("```sh\necho <b> & 'c'\n```\n").one("pre").text == "echo <b> & 'c'\n"


def test_the_page_loads_nothing_and_runs_only_its_script(report: Element) -> None:
    """The page has one script, one style, no event handlers, and loads nothing from outside."""
    assert len(report.all("script")) == len(report.all("style")) == 1
    assert not report.all("iframe", "object", "embed", "base", "form", "audio", "video", "svg")
    assert [link.attributes for link in report.all("link")] == [{"rel": "icon", "href": "data:,"}]
    for element in report.inside():
        assert not [name for name in element.attributes if name == "style" or name.startswith("on")]
        for name in ADDRESSES & set(element.attributes):
            assert re.match(r"data:|#|[\w.]+$", str(element.attributes[name])), element.attributes[name]
    assert not re.search(r"url\(|@import|https?:", report.one("style").text)
    assert not re.search(r"fetch|XMLHttpRequest|import|https?:|innerHTML|eval", report.one("script").text)


def test_the_policy_allows_exactly_the_style_and_the_script(report: Element) -> None:
    """The content security policy allows only the page's style and script, and data images."""
    (policy,) = [m.attributes["content"] for m in report.all("meta") if "http-equiv" in m.attributes]
    hashes = {}
    for tag in ("style", "script"):
        digest = hashlib.sha256(report.one(tag).text.encode()).digest()
        hashes[tag] = f"'sha256-{base64.b64encode(digest).decode()}'"
    assert str(policy).split("; ") == [
        "default-src 'none'",
        "img-src data:",
        f"style-src {hashes['style']}",
        f"script-src {hashes['script']}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    head = report.one("head").children
    elements = [child.tag for child in head if isinstance(child, Element)]
    assert elements.index("meta") < elements.index("style")


def assert_harmless(page: Element) -> None:
    """Check that the page contains only what the renderer writes."""
    assert len(page.all("script")) == len(page.all("style")) == len(page.all("title")) == 1
    assert not page.all("img", "iframe", "b")
    links = [str(link.attributes["href"]) for link in page.all("a", "link")]
    assert all(re.fullmatch(r"#[\w-]+|data:,", link) for link in links), links
    assert not [name for element in page.inside() for name in element.attributes if name.startswith("on")]


@pytest.mark.parametrize("attack", ATTACKS)
def test_markup_in_texts_of_a_study_is_shown_as_text(attack: str) -> None:
    """Markup in any text from a study or a record is shown as text."""
    table = Table(pd.DataFrame({attack: [attack]}), frozenset())
    page = rendered(
        f"# {md(attack)}\n\n{md(attack)}\n\n## {md(attack)}\n\n{markdown_table(table)}\n\n"
        f"<details>\n<summary>{md(attack)}</summary>\n\n- {md(attack)}\n\n</details>\n\n## end\n"
    )
    assert_harmless(page)
    shown = [element.text.strip() for element in page.all("h1", "p", "h2", "th", "td", "summary", "li")]
    expected = " ".join(attack.split())
    assert shown.count(expected) == 8  # including the entry in the table of contents


@pytest.mark.parametrize("attack", ATTACKS)
def test_unescaped_markup_is_harmless(attack: str) -> None:
    """Even Markdown that was not escaped cannot create an active element."""
    for place in ("{}", "a {} b", "## {}", "| {} |\n|---|\n| {} |", "<details>\n<summary>{}</summary>\n\n</details>"):
        if attack.startswith("!["):
            with pytest.raises(ValueError, match="shows the image"):
                rendered(place.replace("{}", attack))
        else:
            assert_harmless(rendered(place.replace("{}", attack)))


@pytest.mark.parametrize("attack", ATTACKS)
def test_title_and_alternative_texts_are_shown_as_text(attack: str, dot: bytes) -> None:
    """Markup in the title of the document or in the text of an image is shown as text."""
    page = parse(render_html(attack, image("dot.png", attack), {"dot.png": dot}))
    assert page.one("title").text == attack
    assert page.one("img").attributes["alt"] == " ".join(attack.split())
    assert len(page.all("script")) == 1


@given(MARKUP)
def test_any_escaped_text_is_shown_unchanged(text: str) -> None:
    """A heading, a paragraph and a summary show any text unchanged, except for repeated spaces."""
    expected = " ".join(text.split())
    page = rendered(
        f"## a {md(text)} b\n\na {md(text)} b\n\n<details>\n<summary>a {md(text)} b</summary>\n\n</details>\n"
    )
    around = f"a {expected} b" if expected else "a b"
    assert [" ".join(element.text.split()) for element in page.all("h2", "p", "summary")] == [around] * 3


def test_the_same_page_gives_the_same_bytes(markdown: str, figures: dict[str, bytes]) -> None:
    """The order of the images does not change the page."""
    turned = dict(reversed(figures.items()))
    assert render_html("t", markdown, figures) == render_html("t", markdown, turned)


def test_a_page_without_sections_has_no_table_of_contents() -> None:
    """Markdown without headings is rendered without a table of contents."""
    page = rendered("only text")
    assert page.one("main").text.strip() == "only text"
    assert page.all("nav", "section", "a") == []


def test_buttons_are_hidden_without_the_script(report: Element) -> None:
    """All buttons are hidden until the script shows them."""
    assert all("hidden" in button.attributes for button in report.all("button"))


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour #rrggbb, as defined by WCAG."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_text_has_enough_contrast_in_both_modes(mode: int) -> None:
    """Every text colour has a contrast of at least 4.5 to 1 (WCAG AA) on every background."""
    style = (files("harness.report.page") / "report.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", style)
    colours = {name: (light, dark)[mode] for name, light, dark in pairs}
    for text in ("text", "muted", "link"):
        for ground in ("page", "box", "panel", "warning"):
            high, low = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)
