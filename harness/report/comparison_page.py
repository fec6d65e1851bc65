"""The comparison of two runs as a Markdown page."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.page.formatting import MISSING, count, percent, probability, signed_points, signed_range
from harness.report.page.markdown import render_markdown
from harness.report.page.table import Table, make_table
from harness.report.run_comparison import ArchitectureChange, Change, RunComparison
from harness.report.sections.verdicts import verdict_text
from harness.statistics.comparison import Scope, Verdict


def render_comparison(a: str, b: str, comparison: RunComparison) -> str:
    """Render the comparison of two runs as Markdown.

    Args:
        a: Name of the first run, for example its folder.
        b: Name of the second run.
        comparison: The comparison.
    """
    found = [one.comparison for one in comparison.architectures if one.comparison is not None]
    values = {
        "a": a,
        "b": b,
        "comparison": comparison,
        "environment": changes_table(comparison.environment),
        "study": changes_table(comparison.study),
        "architectures": run_comparison_table(comparison.architectures),
        "selections": selections_table(comparison.architectures),
        "remarks": [f"{one.title}: {remark}" for one in comparison.architectures for remark in one.remarks],
        "single_seeds": any(pair.scope is Scope.MODELS for pair in found),
    }
    return render_markdown("harness.report", "compare.md.j2", values)


def changes_table(changes: Sequence[Change]) -> Table:
    """Create the table of the values that differ between A and B."""
    rows = [{"Setting": change.what, "A": change.a, "B": change.b} for change in changes]
    return make_table(rows, {"Setting", "A", "B"})


def run_comparison_table(architectures: Sequence[ArchitectureChange]) -> Table:
    """Create the table of architectures in both runs: accuracies, difference and verdict."""
    rows = [
        {
            "Architecture": one.title,
            "A (%)": percent(one.accuracy_a),
            "B (%)": percent(one.accuracy_b),
            "B − A (percentage points)": signed_points(pair.difference if pair else None),
            "Corrected interval": signed_range(pair.low_corrected, pair.high_corrected) if pair else MISSING,
            "p (Holm)": probability(pair.p_holm) if pair else MISSING,
            "Seeds": count(pair.seeds if pair else 0),
            "Configuration": "changed" if one.hyperparameters else "same" if pair else MISSING,
            "Verdict": change_text(one),
        }
        for one in architectures
        for pair in [one.comparison]
    ]
    return make_table(rows, {"Architecture", "Configuration", "Verdict"})


def selections_table(architectures: Sequence[ArchitectureChange]) -> Table:
    """Create the table of the selected hyperparameters that differ between A and B."""
    rows = [
        {"Architecture": one.title, "Hyperparameter": change.what, "A": change.a, "B": change.b}
        for one in architectures
        for change in one.hyperparameters
    ]
    return make_table(rows, {"Architecture", "Hyperparameter", "A", "B"})


def change_text(one: ArchitectureChange) -> str:
    """Write the verdict on B, or what an undecided comparison needs."""
    if one.comparison is None:
        return "not comparable"
    if one.same_answers:
        return "correct on the same images in both"
    if one.comparison.verdict is Verdict.B_BETTER:
        return "B worse"
    return verdict_text(one.comparison, {"A": "A", "B": "B"})
