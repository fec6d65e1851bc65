"""Tables of who is better than whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.report.formatting import count, signed_points
from harness.report.tables.table import Table, make_table
from harness.statistics import Comparison, Verdict


def comparisons_table(comparisons: Sequence[Comparison], titles: Mapping[str, str]) -> Table | None:
    """Every pair with its difference, interval, verdict; None when there is no pair."""
    rows = [
        {
            "A": titles[pair.a],
            "B": titles[pair.b],
            "A − B (points)": signed_points(pair.difference),
            "Corrected interval": f"{signed_points(pair.low_corrected)} to {signed_points(pair.high_corrected)}",
            "p (Holm)": probability(pair.p_holm),
            "P(A > B)": f"{pair.probability:.2f} ({pair.probability_low:.2f}–{pair.probability_high:.2f})",
            "Seeds": count(pair.seeds),
            "Verdict": verdict_text(pair, titles),
        }
        for pair in comparisons
    ]
    return make_table(rows, {"A", "B", "Verdict"}) if rows else None


def verdict_text(pair: Comparison, titles: Mapping[str, str]) -> str:
    """The verdict with the name of the better one, or what would probably decide."""
    match pair.verdict:
        case Verdict.A_BETTER:
            return f"{titles[pair.a]} better"
        case Verdict.B_BETTER:
            return f"{titles[pair.b]} better"
        case Verdict.EQUIVALENT:
            return "equivalent"
        case Verdict.UNDECIDED:
            return f"undecided{_remedy(pair)}"


def _remedy(pair: Comparison) -> str:
    if pair.seeds_needed is None:
        return "" if pair.seeds < 2 else "; more test images are needed"
    return f"; some {count(pair.seeds_needed)} seeds would probably decide"


def probability(p: float) -> str:
    """A p value.

    >>> probability(0.0312), probability(0.00002)
    ('0.031', '< 0.001')
    """
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def mcnemar_table(comparisons: Sequence[Comparison], titles: Mapping[str, str]) -> Table | None:
    """McNemar's exact test of the first seed's models of every pair; None when there is no pair."""
    rows = [
        {
            "A": titles[pair.a],
            "B": titles[pair.b],
            "Seed": str(pair.mcnemar.seed),
            "A alone right": count(pair.mcnemar.only_a),
            "B alone right": count(pair.mcnemar.only_b),
            "p": probability(pair.mcnemar.p),
        }
        for pair in comparisons
        if pair.mcnemar is not None
    ]
    return make_table(rows, {"A", "B"}) if rows else None
