"""At how many seeds one architecture beats another, and what a given number of seeds can show at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from harness.statistics.estimates import CONFIDENCE

_QUANTILE = float(stats.norm.ppf((1 + CONFIDENCE) / 2))


@dataclass(frozen=True)
class Wins:
    """P(A > B): the probability that A is more accurate than B when both are trained with one more seed.

    Attributes:
        probability: the fraction of the seeds at which A was ahead, a tie counted half.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
    """

    probability: float
    low: float
    high: float


def count_wins(differences: Sequence[float]) -> Wins:
    """P(A > B) with Wilson's interval, from the differences A - B of the seeds.

    A tie counts half a win. Wilson's formula takes fractions as they are; it supposes the variance p (1 - p) of
    outcomes 0 and 1, and outcomes of 1/2 have less, so the interval is too wide with ties, never too narrow.

    >>> wins = count_wins([0.001, 0.002, 0.0])
    >>> round(wins.probability, 3), wins.low < 0.5 < wins.high
    (0.833, True)

    Raises:
        ValueError: there are no differences.
    """
    if not differences:
        raise ValueError("without seeds there is nothing to count")
    won = sum(1.0 if value > 0 else 0.5 if value == 0 else 0.0 for value in differences)
    low, high = proportion_confint(won, len(differences), alpha=1 - CONFIDENCE, method="wilson")
    return Wins(won / len(differences), float(low), float(high))


def fewest_wins(seeds: int) -> int:
    """So many wins put the lower end of Wilson's interval above 1/2; more than there are seeds if nothing can.

    Wilson's interval leaves out 1/2 when the score test does: (wins - n/2) > z sqrt(n) / 2.

    >>> [fewest_wins(seeds) for seeds in (3, 4, 5, 10)]
    [4, 4, 5, 9]
    """
    return math.floor(seeds / 2 + _QUANTILE * math.sqrt(seeds) / 2) + 1


def fewest_seeds_for_better() -> int:
    """The fewest seeds with which a verdict of "better" can be reached, which then takes a win at every one."""
    return next(seeds for seeds in count(1) if fewest_wins(seeds) <= seeds)


def smallest_sign_flip_p(seeds: int) -> float:
    """The smallest two-sided p that an exact sign-flip test over so many seeds can give.

    >>> smallest_sign_flip_p(3), smallest_sign_flip_p(5)
    (0.25, 0.0625)

    Raises:
        ValueError: there is no seed.
    """
    if seeds < 1:
        raise ValueError(f"a sign-flip test needs a seed, got {seeds}")
    return float(2.0 ** (1 - seeds))
