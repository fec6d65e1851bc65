"""Templates of Markdown pages: whatever a template prints is escaped, unless it is Markdown already."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.report.page.formatting import count, listed, percent, scalar
from harness.report.page.markdown import Markdown, code_block, entities, markdown_table, md


def render_markdown(package: str, template: str, values: Mapping[str, object]) -> str:
    """Fill in a template.

    Args:
        package: in whose folder the template lies.
        template: name of its file.
        values: what it may print.
    """
    environment = Environment(
        loader=PackageLoader(package, "."),
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
    return environment.get_template(template).render(values)


def image(path: str, alternative: str) -> Markdown:
    """An image by its relative path, with the text for those who cannot see it."""
    return Markdown(f"![{md(alternative)}]({path})")
