"""Which architecture is better than which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.report.findings import Findings
from harness.report.page.formatting import count, counted_seeds, listed
from harness.statistics import (
    Comparison,
    Verdict,
    compare_all,
    fewest_seeds_for_better,
    letters,
    smallest_sign_flip_p,
)


def comparisons(findings: Findings) -> tuple[Comparison, ...]:
    """Every pair that has predictions on the same test images, in the order of the ranking."""
    return compare_all(findings.correct, findings.rope)


def groups(findings: Findings) -> Mapping[str, str]:
    """Architecture to the letters of its groups; those that share a letter are not told apart."""
    return letters(tuple(findings.correct), findings.of(comparisons))


def verdict_limits(comparisons: Sequence[Comparison], titles: Mapping[str, str]) -> str:
    """What this number of seeds cannot show, whatever the data; empty when nothing was compared."""
    if not comparisons:
        return ""
    seeds = min(pair.seeds for pair in comparisons)
    least = fewest_seeds_for_better()
    reach = (
        "the verdicts rest on the size of the differences and on the test images besides"
        if seeds >= least
        else f"below {least} seeds no architecture is called better here, however large the difference"
    )
    sentence = (
        f"With {counted_seeds(seeds)}, an exact test that looks only at which seeds came out ahead cannot reach a p "
        f"below {smallest_sign_flip_p(seeds):.3g}; {reach}."
    )
    stuck = [
        f"{titles[pair.a]} from {titles[pair.b]}"
        for pair in comparisons
        if pair.verdict is Verdict.UNDECIDED and pair.seeds_needed is None and pair.seeds > 1
    ]
    if not stuck:
        return sentence
    return (
        f"{sentence} More seeds alone would probably not tell {listed(stuck)}: there are too few test images to see "
        "so small a difference."
    )


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
