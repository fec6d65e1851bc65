"""The comparison of two runs as a Markdown page."""

from __future__ import annotations

from harness.report.run_comparison import RunComparison
from harness.report.tables.run_comparison import changes_table, run_comparison_table, selections_table
from harness.report.templating import markdown_templates
from harness.statistics import Scope


def render_comparison(a: str, b: str, comparison: RunComparison) -> str:
    """The page.

    Args:
        a: how the first run is called, its folder for instance.
        b: the same of the second.
        comparison: what there is to say.
    """
    found = [one.comparison for one in comparison.architectures if one.comparison is not None]
    return (
        markdown_templates()
        .get_template("compare.md.j2")
        .render(
            a=a,
            b=b,
            comparison=comparison,
            environment=changes_table(comparison.environment),
            study=changes_table(comparison.study),
            architectures=run_comparison_table(comparison.architectures),
            selections=selections_table(comparison.architectures),
            remarks=[f"{one.title}: {remark}" for one in comparison.architectures for remark in one.remarks],
            single_seeds=any(pair.scope is Scope.MODELS for pair in found),
        )
    )
