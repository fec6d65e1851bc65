"""Paired comparisons of architectures on the same test images and with the same seeds."""

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
    """Conclusion about two architectures."""

    A_BETTER = "A better"
    B_BETTER = "B better"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


class Scope(StrEnum):
    """What a comparison applies to.

    With two or more common seeds it compares architectures. With one common seed it compares two
    models only. With none it allows no conclusion.
    """

    ARCHITECTURES = "architectures"
    MODELS = "models"
    NOTHING = "nothing"


@dataclass(frozen=True, eq=False)
class Pair:
    """Two architectures to compare: their names, and the correct test images at each seed."""

    a: str
    b: str
    correct_a: Correct
    correct_b: Correct

    @property
    def seeds(self) -> tuple[int, ...]:
        """Common seeds, in ascending order."""
        return tuple(sorted(set(self.correct_a) & set(self.correct_b)))


@dataclass(frozen=True)
class McNemar:
    """Result of McNemar's exact test of two models.

    Attributes:
        seed: Seed of both models.
        only_a: Number of images that only the model of A classified correctly.
        only_b: Number of images that only the model of B classified correctly.
        p: Two-sided p-value.
    """

    seed: int
    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True)
class Comparison:
    """Comparison of two architectures. Accuracies and differences are fractions.

    Attributes:
        a: Name of the first architecture.
        b: Name of the second architecture.
        difference: Mean accuracy of A minus mean accuracy of B, over the common seeds. Without
            common seeds, each mean is over the architecture's own seeds.
        low: Lower end of the 95 % interval of the difference. It accounts for the choice of seeds
            and of test images; with one common seed, of test images only; -1 without one.
        high: Upper end of the 95 % interval; 1 without a common seed.
        low_corrected: Lower end of the corrected interval.
        high_corrected: Upper end of the corrected interval.
        level: Level of the corrected interval: the level of the pair's step in Holm's method.
        p: Two-sided p-value of the hypothesis that there is no difference.
        p_holm: p-value adjusted for the number of pairs by Holm's method.
        probability: P(A > B), the probability that A is more accurate at one more seed.
        probability_low: Lower end of the 95 % interval of P(A > B).
        probability_high: Upper end of the 95 % interval of P(A > B).
        seeds: Number of common seeds.
        images: Number of test images.
        mcnemar: McNemar's test at the first common seed; None without a common seed.
        verdict: Conclusion about the pair.
        seeds_needed: Number of seeds that would probably decide an undecided pair. None if no
            number up to 1000 would, if there are fewer than two common seeds, or if the pair is
            decided.
        limit: What keeps the pair undecided; None if the pair is decided.
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
        """What the comparison applies to."""
        return (Scope.NOTHING, Scope.MODELS, Scope.ARCHITECTURES)[min(self.seeds, 2)]


def compare_all(models: Mapping[str, Correct], rope: float, replicates: int = REPLICATES) -> tuple[Comparison, ...]:
    """Compare every pair of architectures, in the given order.

    Args:
        models: Architecture to the correct test images at each seed.
        rope: Half the width of the region of practical equivalence, as a fraction.
        replicates: Number of replicates, see `compare_pairs`.

    Raises:
        ValueError: If an architecture has no seed, or the numbers of test images differ.
    """
    pairs = [Pair(a, b, models[a], models[b]) for a, b in combinations(models, 2)]
    return compare_pairs(pairs, rope, replicates)


def compare_pairs(pairs: Sequence[Pair], rope: float, replicates: int = REPLICATES) -> tuple[Comparison, ...]:
    """Compare pairs, and correct for the number of pairs by Holm's method.

    The verdict of a pair is the first of these that applies:

    - undecided: there are fewer than two common seeds, so nothing is known about architectures;
    - equivalent: the corrected interval lies within [-rope, rope]; it may exclude zero;
    - better: the adjusted p-value is below 0.05, and the interval of P(A > B) lies on the same side
      of one half as the difference does of zero;
    - undecided: all other pairs.

    Pairs with one common seed compare models, not architectures. They are a separate family for
    the correction.

    Args:
        pairs: Pairs to compare.
        rope: Half the width of the region of practical equivalence, as a fraction.
        replicates: Number of replicates for each pair. The smallest possible p-value is
            2 / (replicates + 1), so the default of 20,000 suffices for about 500 pairs.

    Raises:
        ValueError: If an architecture has no seed, or the numbers of test images differ.
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
    """Run McNemar's exact test at the first common seed; return None without a common seed."""
    if not pair.seeds:
        return None
    seed = pair.seeds[0]
    a, b = pair.correct_a[seed], pair.correct_b[seed]
    only_a, only_b = int(np.sum(a & ~b)), int(np.sum(~a & b))
    table = [[int(np.sum(a & b)), only_a], [only_b, int(np.sum(~a & ~b))]]
    return McNemar(seed, only_a, only_b, float(mcnemar(table, exact=True).pvalue))


def holm(p: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Adjust p-values by Holm's method (Holm 1979).

    Equal p-values share the stricter step, so the result does not depend on their order.

    >>> adjusted, level = holm(np.array([0.03, 0.01]))
    >>> adjusted.tolist(), level.round(3).tolist()
    ([0.03, 0.02], [0.95, 0.975])

    Args:
        p: (M,) p-values.

    Returns:
        (M,) adjusted p-values, and (M,) confidence levels of the steps.
    """
    order = np.argsort(p, kind="stable")
    steps = (p[:, None] <= p).sum(axis=1)  # m - rank + 1
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate((steps * p)[order]), 1.0)
    return adjusted, 1 - ALPHA / steps


def _corrected(resampled: Sequence[Resampled | None]) -> dict[int, tuple[float, float]]:
    """Map the index of a pair to its adjusted p-value and the level of its corrected interval.

    Pairs with one seed and pairs with several are corrected separately.
    """
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
    """Compare a pair without common seeds: it is undecided and has the widest intervals."""
    if not (pair.correct_a and pair.correct_b):
        raise ValueError(f"'{pair.a}' and '{pair.b}' cannot be compared: one of them has no seeds")
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
