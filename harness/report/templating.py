"""Templates of Markdown pages: whatever a template prints is escaped, unless it is Markdown already."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.report.formatting import count, listed, percent, scalar
from harness.report.markdown import Markdown, code_block, entities, markdown_table, md


def markdown_templates() -> Environment:
    """The templates of this package, with the filters that they use."""
    environment = Environment(
        loader=PackageLoader("harness.report", "templates"),
        # A page is Markdown: `finalize` escapes what a template prints, as autoescape does for HTML.
        autoescape=False,
        finalize=md,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
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
    return environment


def image(path: str, alternative: str) -> Markdown:
    """An image by its relative path, with the text for those who cannot see it."""
    return Markdown(f"![{md(alternative)}]({path})")
