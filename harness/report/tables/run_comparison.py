"""Tables of two runs side by side."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.formatting import MISSING, count, percent, signed_points
from harness.report.run_comparison import ArchitectureChange, Change
from harness.report.tables.comparisons import probability, verdict_text
from harness.report.tables.table import Table, make_table
from harness.statistics import Comparison, Verdict


def changes_table(changes: Sequence[Change]) -> Table | None:
    """What is not the same in A and in B; None when nothing is."""
    rows = [{"What": change.what, "A": change.a, "B": change.b} for change in changes]
    return make_table(rows, {"What", "A", "B"}) if rows else None


def run_comparison_table(architectures: Sequence[ArchitectureChange]) -> Table | None:
    """Every architecture of both runs with its accuracies, their difference and the verdict; None without any."""
    rows = [
        {
            "Architecture": one.title,
            "A (%)": percent(one.accuracy_a),
            "B (%)": percent(one.accuracy_b),
            "B − A (points)": signed_points(pair.difference if pair else None),
            "Corrected interval": points_range(pair) if pair else MISSING,
            "p (Holm)": probability(pair.p_holm) if pair else MISSING,
            "Seeds": count(pair.seeds if pair else 0),
            "Configuration": "changed" if one.hyperparameters else "the same" if pair else MISSING,
            "Verdict": change_text(one),
        }
        for one in architectures
        for pair in [one.comparison]
    ]
    return make_table(rows, {"Architecture", "Configuration", "Verdict"}) if rows else None


def selections_table(architectures: Sequence[ArchitectureChange]) -> Table | None:
    """The selected hyperparameters that changed; None when none did."""
    rows = [
        {"Architecture": one.title, "Hyperparameter": change.what, "A": change.a, "B": change.b}
        for one in architectures
        for change in one.hyperparameters
    ]
    return make_table(rows, {"Architecture", "Hyperparameter", "A", "B"}) if rows else None


def change_text(one: ArchitectureChange) -> str:
    """The verdict on B, with what would probably decide when it is open."""
    if one.comparison is None:
        return "not comparable"
    if one.same_answers:
        return "right on the same images in both"
    if one.comparison.verdict is Verdict.B_BETTER:
        return "B worse"
    return verdict_text(one.comparison, {"A": "A", "B": "B"})


def points_range(pair: Comparison) -> str:
    """The corrected interval in percentage points."""
    return f"{signed_points(pair.low_corrected)} to {signed_points(pair.high_corrected)}"
