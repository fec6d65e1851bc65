"""Conversion of text, tables and templates to Markdown, with escaping."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from tabulate import tabulate

from harness.report.page.formatting import count, listed, percent, scalar
from harness.report.page.table import Table

_INLINE = re.compile(r"[\\`*\[\]<>|~&$#]")
# An underscore can start emphasis, except between two letters or digits.
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_BLOCK_START = re.compile(r"^([-+=])(?=[-+=\s]|$)|^(\d+)([.)])(?=\s|$)")
_AUTOLINK = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)


class Markdown(str):
    """Text that is already Markdown and must not be escaped again."""

    __slots__ = ()


def md(value: object) -> Markdown:
    r"""Escape plain text as one line of Markdown without markup, HTML, links or table cells.

    White space becomes single spaces, and characters that are not printable are removed.

    >>> md("a|b <b> *c* learning_rate")
    'a\\|b \\<b\\> \\*c\\* learning_rate'
    """
    if isinstance(value, Markdown):
        return value
    text = " ".join(str(value).split())
    text = "".join(character for character in text if character.isprintable())
    text = _INLINE.sub(r"\\\g<0>", text)
    text = _UNDERSCORE.sub(r"\_", text)
    text = _AUTOLINK.sub(lambda match: "&#58;" if match[0] == ":" else "&#46;", text)
    return Markdown(_BLOCK_START.sub(lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\{m[3]}", text))


def entities(text: str) -> Markdown:
    """Escape plain text between HTML tags of a Markdown page, where backslashes do not escape.

    >>> entities("A<b> & C_1")
    'A&#60;b&#62; &#38; C&#95;1'
    """
    line = " ".join(text.split())
    return Markdown("".join(c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in line))


def code_block(text: str) -> Markdown:
    """Format lines as a fenced block, with a fence longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown(f"{fence}sh\n{text.strip()}\n{fence}")


def markdown_table(table: Table) -> Markdown:
    """Format a table in GitHub's pipe syntax, with every cell escaped."""
    frame: pd.DataFrame = table.frame
    rows = [[md(cell) for cell in row] for row in frame.itertuples(index=False)]
    alignment = ["left" if column in table.text_columns else "right" for column in frame.columns]
    return Markdown(
        tabulate(
            rows,
            headers=[md(column) for column in frame.columns],
            tablefmt="pipe",
            colalign=alignment if rows else None,
            disable_numparse=True,
        )
    )


def image(path: str, alternative: str) -> Markdown:
    """Format an image by its relative path, with an alternative text."""
    return Markdown(f"![{md(alternative)}]({path})")


def jinja_environment(package: str, **options: Any) -> Environment:
    """Create the Jinja environment for the templates in the folder of a package."""
    return Environment(
        loader=PackageLoader(package, "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )


def render_markdown(package: str, template: str, values: Mapping[str, object]) -> str:
    """Render a template.

    Args:
        package: Package whose folder contains the template.
        template: File name of the template.
        values: Values for the template.
    """
    # `finalize` escapes the values for Markdown, as autoescape would for HTML.
    environment = jinja_environment(package, autoescape=False, finalize=md)
    environment.filters |= {
        "code_block": code_block,
        "count": count,
        "entities": entities,
        "image": image,
        "listed": listed,
        "percent": percent,
        "scalar": scalar,
        "table": markdown_table,
    }
    return environment.get_template(template).render(values)
