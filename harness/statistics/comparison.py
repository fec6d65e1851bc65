"""Which architecture is better, of every pair, on the same test images and with the same seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
import numpy.typing as npt
from statsmodels.stats.contingency_tables import mcnemar

from harness.statistics.estimates import CONFIDENCE
from harness.statistics.resampling import REPLICATES, Correct, Resampled, resample
from harness.statistics.seeds_needed import Limit, Outlook, outlook
from harness.statistics.wins import Wins, count_wins

ALPHA = 1 - CONFIDENCE


class Verdict(StrEnum):
    """What can be said of two architectures."""

    A_BETTER = "A better"
    B_BETTER = "B better"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


class Scope(StrEnum):
    """What a comparison is about: with one seed two models, whose architectures it says nothing of."""

    ARCHITECTURES = "architectures"
    MODELS = "models"
    NOTHING = "nothing"


@dataclass(frozen=True, eq=False)
class Pair:
    """Two to be compared: names, and which test images each got right at which seed."""

    a: str
    b: str
    correct_a: Correct
    correct_b: Correct

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those that both have, in ascending order."""
        return tuple(sorted(set(self.correct_a) & set(self.correct_b)))


@dataclass(frozen=True)
class McNemar:
    """McNemar's exact test of two single models.

    Attributes:
        seed: of both models.
        only_a: images that A's model alone got right.
        only_b: images that B's model alone got right.
        p: two-sided.
    """

    seed: int
    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True)
class Comparison:
    """Two architectures compared; accuracies and their differences are fractions.

    Attributes:
        a: the first.
        b: the second.
        difference: mean accuracy of A minus that of B over the common seeds; over the seeds that each has, when they
            have none in common.
        low: lower end of the 95 % interval of the difference, which covers other seeds and other test images; other
            test images alone, when there is one seed; -1 when there is none.
        high: upper end of it.
        low_corrected: lower end of the interval corrected for the number of pairs, at `level`.
        high_corrected: upper end of it.
        level: of the corrected interval, that of the pair's step in Holm's procedure.
        p: two-sided, of no difference.
        p_holm: the same, adjusted for the number of pairs.
        probability: P(A > B), that A is ahead at one more seed.
        probability_low: lower end of its 95 % interval.
        probability_high: upper end of it.
        seeds: how many both have.
        images: how many test images.
        mcnemar: of the models of the first common seed; None when there is none.
        verdict: what all this amounts to.
        seeds_needed: for an undecided pair, the number of seeds that would probably decide; None when no number up
            to 1000 would, when there is one seed and nothing to go by, or when the pair is decided.
        limit: what an undecided pair lacks; None when the pair is decided.
    """

    a: str
    b: str
    difference: float
    low: float
    high: float
    low_corrected: float
    high_corrected: float
    level: float
    p: float
    p_holm: float
    probability: float
    probability_low: float
    probability_high: float
    seeds: int
    images: int
    mcnemar: McNemar | None
    verdict: Verdict
    seeds_needed: int | None
    limit: Limit | None

    @property
    def scope(self) -> Scope:
        """What the comparison is about."""
        return (Scope.NOTHING, Scope.MODELS, Scope.ARCHITECTURES)[min(self.seeds, 2)]


def compare_all(models: Mapping[str, Correct], rope: float, replicates: int = REPLICATES) -> tuple[Comparison, ...]:
    """Compare every pair of architectures, in the order in which they are given.

    Args:
        models: architecture to the outcomes of its seeds.
        rope: half the width of the region of practical equivalence, as a fraction.
        replicates: as for `compare_pairs`.

    Raises:
        ValueError: an architecture has no seed, or the outcomes are not for the same images.
    """
    pairs = [Pair(a, b, models[a], models[b]) for a, b in combinations(models, 2)]
    return compare_pairs(pairs, rope, replicates)


def compare_pairs(pairs: Sequence[Pair], rope: float, replicates: int = REPLICATES) -> tuple[Comparison, ...]:
    """Compare pairs, and correct for their number by Holm's procedure.

    - equivalent: the corrected interval lies within [-rope, rope], with or without 0;
    - better: else, the adjusted p is below 0.05 and the interval of P(A > B) is beyond 1/2 on the same side;
    - undecided: else, and always with fewer than two seeds, which say nothing of architectures.

    Pairs with one seed are claims of another kind, and are corrected among themselves.

    Args:
        pairs: what to compare.
        rope: half the width of the region of practical equivalence, as a fraction.
        replicates: draws for each pair. The smallest p is 2 / (replicates + 1), so the 20,000 of the default suffice
            for some 500 pairs.

    Raises:
        ValueError: an architecture has no seed, or the outcomes are not for the same images.
    """
    resampled = [
        resample(pair.correct_a, pair.correct_b, pair.seeds, replicates) if pair.seeds else None for pair in pairs
    ]
    corrected = _corrected(resampled)
    return tuple(
        _unpaired(pair) if found is None else _compared(pair, found, *corrected[index], rope)
        for index, (pair, found) in enumerate(zip(pairs, resampled, strict=True))
    )


def mcnemar_test(pair: Pair) -> McNemar | None:
    """McNemar's exact test of the models of the first common seed; None when there is none."""
    if not pair.seeds:
        return None
    seed = pair.seeds[0]
    a, b = pair.correct_a[seed], pair.correct_b[seed]
    only_a, only_b = int(np.sum(a & ~b)), int(np.sum(~a & b))
    table = [[int(np.sum(a & b)), only_a], [only_b, int(np.sum(~a & ~b))]]
    return McNemar(seed, only_a, only_b, float(mcnemar(table, exact=True).pvalue))


def holm(p: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Adjusted p of each of m hypotheses (Holm 1979), and the level of the interval that belongs to its step.

    Equal p share the stricter step, so that their order does not matter.

    >>> adjusted, level = holm(np.array([0.03, 0.01]))
    >>> adjusted.tolist(), level.round(3).tolist()
    ([0.03, 0.02], [0.95, 0.975])
    """
    order = np.argsort(p, kind="stable")
    steps = (p[:, None] <= p).sum(axis=1)  # m - rank + 1
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate((steps * p)[order]), 1.0)
    return adjusted, 1 - ALPHA / steps


def _corrected(resampled: Sequence[Resampled | None]) -> dict[int, tuple[float, float]]:
    """Index of a pair to its adjusted p and the level of its interval, each kind of claim on its own."""
    families: dict[bool, list[int]] = defaultdict(list)
    for index, found in enumerate(resampled):
        if found is not None:
            families[len(found.per_seed) > 1].append(index)
    corrected: dict[int, tuple[float, float]] = {}
    for family in families.values():
        p = np.array([found.p for index in family if (found := resampled[index]) is not None])
        for index, adjusted, level in zip(family, *holm(p), strict=True):
            corrected[index] = float(adjusted), float(level)
    return corrected


def _compared(pair: Pair, found: Resampled, p_holm: float, level: float, rope: float) -> Comparison:
    seeds = len(found.per_seed)
    low, high = found.interval(CONFIDENCE)
    corrected = found.interval(level)
    wins = count_wins(found.per_seed.tolist())
    verdict = _verdict(found.difference, corrected, p_holm, wins, rope) if seeds > 1 else Verdict.UNDECIDED
    wanted: Outlook | None = None
    if verdict is Verdict.UNDECIDED:
        wanted = outlook(found.difference, found.variances, level, rope, seeds)
    return Comparison(
        a=pair.a,
        b=pair.b,
        difference=found.difference,
        low=low,
        high=high,
        low_corrected=corrected[0],
        high_corrected=corrected[1],
        level=level,
        p=found.p,
        p_holm=p_holm,
        probability=wins.probability,
        probability_low=wins.low,
        probability_high=wins.high,
        seeds=seeds,
        images=found.images,
        mcnemar=mcnemar_test(pair),
        verdict=verdict,
        seeds_needed=wanted.seeds if wanted else None,
        limit=wanted.limit if wanted else None,
    )


def _verdict(difference: float, corrected: tuple[float, float], p_holm: float, wins: Wins, rope: float) -> Verdict:
    if -rope <= corrected[0] and corrected[1] <= rope:
        return Verdict.EQUIVALENT
    if p_holm < ALPHA and difference > 0 and wins.low > 0.5:
        return Verdict.A_BETTER
    if p_holm < ALPHA and difference < 0 and wins.high < 0.5:
        return Verdict.B_BETTER
    return Verdict.UNDECIDED


def _unpaired(pair: Pair) -> Comparison:
    """Without a common seed nothing is said, and every interval is all that is possible."""
    if not (pair.correct_a and pair.correct_b):
        raise ValueError(f"'{pair.a}' and '{pair.b}' cannot be compared: one of them has no seed")
    accuracies = [
        float(np.mean([outcome.mean() for outcome in correct.values()])) for correct in (pair.correct_a, pair.correct_b)
    ]
    return Comparison(
        a=pair.a,
        b=pair.b,
        difference=accuracies[0] - accuracies[1],
        low=-1.0,
        high=1.0,
        low_corrected=-1.0,
        high_corrected=1.0,
        level=CONFIDENCE,
        p=1.0,
        p_holm=1.0,
        probability=0.5,
        probability_low=0.0,
        probability_high=1.0,
        seeds=0,
        images=len(next(iter(pair.correct_a.values()))),
        mcnemar=None,
        verdict=Verdict.UNDECIDED,
        seeds_needed=None,
        limit=Limit.SEEDS,
    )
