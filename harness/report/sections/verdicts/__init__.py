"""Section "Verdicts": the comparison of every pair of architectures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from harness.report.findings import Findings
from harness.report.page.formatting import count, counted_seeds, listed, probability, signed_points, signed_range
from harness.report.page.table import Table, make_table
from harness.report.section import ArchitectureKeys, Figures, Keys, Section
from harness.report.sections.verdicts.figure import draw_verdicts
from harness.statistics.comparison import Comparison, Verdict, compare_all
from harness.statistics.ranking import letters
from harness.statistics.wins import fewest_seeds_for_better, smallest_sign_flip_p


def comparisons(findings: Findings) -> tuple[Comparison, ...]:
    """Compare every pair with predictions for the same test images, in the order of the ranking."""
    return compare_all(findings.correct, findings.rope)


def groups(findings: Findings) -> Mapping[str, str]:
    """Return the letters of each architecture. Sharing a letter means: no verdict "better"."""
    return letters(tuple(findings.correct), findings.of(comparisons))


def verdict_limits(comparisons: Sequence[Comparison], titles: Mapping[str, str]) -> str:
    """Describe what this number of seeds cannot show. Empty if nothing was compared."""
    if not comparisons:
        return ""
    seeds = min(pair.seeds for pair in comparisons)
    least = fewest_seeds_for_better()
    reach = (
        "The verdicts therefore also use the size of the differences and the test images."
        if seeds >= least
        else f"With fewer than {least} seeds, no architecture is called better, however large the difference is."
    )
    sentence = (
        f"With {counted_seeds(seeds)}, the p-value of an exact sign test is at least "
        f"{smallest_sign_flip_p(seeds):.3g}, because this test uses only the sign of the difference "
        f"at each seed. {reach}"
    )
    stuck = [
        f"{titles[pair.a]} from {titles[pair.b]}"
        for pair in comparisons
        if pair.verdict is Verdict.UNDECIDED and pair.seeds_needed is None and pair.seeds > 1
    ]
    if not stuck:
        return sentence
    return (
        f"{sentence} More seeds alone would probably not separate {listed(stuck)}, because there are too few test "
        "images for such a small difference."
    )


def verdict_text(pair: Comparison, titles: Mapping[str, str]) -> str:
    """Write the verdict with the better architecture, or with what an undecided pair needs."""
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
    return f"; about {count(pair.seeds_needed)} seeds are probably needed"


def comparisons_table(comparisons: Sequence[Comparison], titles: Mapping[str, str]) -> Table:
    """Create the table of all pairs, with difference, interval and verdict."""
    rows = [
        {
            "A": titles[pair.a],
            "B": titles[pair.b],
            "Verdict": verdict_text(pair, titles),
            "A − B (percentage points)": signed_points(pair.difference),
            "Corrected interval": signed_range(pair.low_corrected, pair.high_corrected),
            "p (Holm)": probability(pair.p_holm),
            "P(A > B)": f"{pair.probability:.2f} ({pair.probability_low:.2f}–{pair.probability_high:.2f})",
            "Seeds": count(pair.seeds),
        }
        for pair in comparisons
    ]
    return make_table(rows, {"A", "B", "Verdict"})


def mcnemar_table(comparisons: Sequence[Comparison], titles: Mapping[str, str]) -> Table:
    """Create the table of McNemar's exact test for the first seed's models of every pair."""
    rows = [
        {
            "A": titles[pair.a],
            "B": titles[pair.b],
            "Seed": str(pair.mcnemar.seed),
            "Only A correct (images)": count(pair.mcnemar.only_a),
            "Only B correct (images)": count(pair.mcnemar.only_b),
            "p": probability(pair.mcnemar.p),
        }
        for pair in comparisons
        if pair.mcnemar is not None
    ]
    return make_table(rows, {"A", "B"})


def _context(findings: Findings) -> Keys:
    pairs, titles = findings.of(comparisons), findings.titles
    return {
        "comparisons": comparisons_table(pairs, titles),
        "rope": findings.rope,
        "verdict_limits": verdict_limits(pairs, titles),
        "mcnemar": mcnemar_table(pairs, titles),
    }


def _figures(findings: Findings) -> Figures:
    pairs = findings.of(comparisons)
    return {"verdicts": draw_verdicts(findings.order, findings.titles, pairs) if pairs else None}


def _results(findings: Findings) -> Keys:
    return {
        "ranking": list(findings.order),
        "rope": findings.rope,
        "verdicts": [asdict(pair) for pair in findings.of(comparisons)],
    }


def _architecture_results(findings: Findings) -> ArchitectureKeys:
    letters = findings.of(groups)
    return {summary.name: {"group": letters.get(summary.name)} for summary in findings.summaries}


SECTION = Section(__name__, _context, _figures, _results, _architecture_results)
