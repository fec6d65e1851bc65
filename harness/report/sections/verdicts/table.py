"""Tables of who is better than whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.report.page.formatting import count, probability, signed_points, signed_range
from harness.report.page.table import Table, make_table
from harness.report.sections.verdicts.values import verdict_text
from harness.statistics import Comparison


def comparisons_table(comparisons: Sequence[Comparison], titles: Mapping[str, str]) -> Table:
    """Every pair with its difference, interval, verdict."""
    rows = [
        {
            "A": titles[pair.a],
            "B": titles[pair.b],
            "A − B (points)": signed_points(pair.difference),
            "Corrected interval": signed_range(pair.low_corrected, pair.high_corrected),
            "p (Holm)": probability(pair.p_holm),
            "P(A > B)": f"{pair.probability:.2f} ({pair.probability_low:.2f}–{pair.probability_high:.2f})",
            "Seeds": count(pair.seeds),
            "Verdict": verdict_text(pair, titles),
        }
        for pair in comparisons
    ]
    return make_table(rows, {"A", "B", "Verdict"})


def mcnemar_table(comparisons: Sequence[Comparison], titles: Mapping[str, str]) -> Table:
    """McNemar's exact test of the first seed's models of every pair."""
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
    return make_table(rows, {"A", "B"})
