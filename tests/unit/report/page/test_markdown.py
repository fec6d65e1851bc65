"""Tests of escaping text in Markdown."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from harness.report.page.markdown import Markdown, code_block, markdown_table, md
from harness.report.page.table import Table

MARKUP = st.text(st.sampled_from(list("ab1 _*`|<>[]()!#-+=.~&;:/\\$\n\t")), max_size=30)


def parse(text: str) -> list[Token]:
    """Parse text with the Markdown rules of GitHub."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)


def visible(token: Token) -> str:
    """Return the visible text of inline content. Anything except text is an error."""
    children = token.children or []
    kinds = {child.type for child in children}
    assert kinds <= {"text", "text_special"}, kinds
    return "".join(child.content for child in children)


@given(MARKUP)
def test_escaped_text_is_one_plain_paragraph(text: str) -> None:
    """Any text becomes one paragraph with exactly this text, except for repeated spaces."""
    expected = " ".join(text.split())
    tokens = parse(md(text))
    if not expected:
        assert tokens == []
        return
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert visible(tokens[1]) == expected


@given(st.lists(st.tuples(MARKUP, MARKUP), min_size=1, max_size=4))
def test_escaped_cells_keep_the_table_intact(rows: list[tuple[str, str]]) -> None:
    """Any text in the cells keeps the rows and columns of the table."""
    table = Table(pd.DataFrame(rows, columns=["a|b", "c"]), frozenset({"a|b"}))
    inline = [token for token in parse(markdown_table(table)) if token.type == "inline"]
    cells = ["a|b", "c", *(" ".join(cell.split()) for row in rows for cell in row)]
    assert [visible(token) for token in inline] == cells


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("learning_rate 0.003", "learning_rate 0.003"),
        ("_a_", r"\_a\_"),
        ("+0.22", "+0.22"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("https://example.org", "https&#58;//example.org"),
        ("www.example.org", "www&#46;example.org"),
        ("a\x00b\u202ec\u200b", "abc"),
        ("line\nbreak", "line break"),
        ("$x$", r"\$x\$"),
    ],
)
def test_only_characters_with_a_meaning_are_escaped(text: str, escaped: str) -> None:
    """Plain names are unchanged.

    Links, math, control characters and starts of blocks are escaped.
    """
    assert md(text) == escaped


def test_markdown_is_not_escaped_again() -> None:
    """Text that is already Markdown is not escaped again."""
    assert md(Markdown("**bold**")) == "**bold**"
    assert md(md("*a*")) == r"\*a\*"


def test_code_block_cannot_be_closed_from_inside() -> None:
    """The fence is longer than any sequence of backticks in the code."""
    tokens = parse(code_block("echo ```\n````\n# no heading"))
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content == "echo ```\n````\n# no heading\n"


def test_words_are_left_aligned_and_numbers_right_aligned() -> None:
    """Columns of words are aligned left, and other columns are aligned right."""
    table = Table(pd.DataFrame({"word": ["a"], "number": ["1"]}), frozenset({"word"}))
    lines = markdown_table(table).splitlines()
    assert lines[1] == "|:-------|---------:|"
