"""Estimate of P(A > B), and the number of seeds that a verdict of "better" needs."""

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
    """P(A > B): the probability that A is more accurate than B with one more seed.

    Attributes:
        probability: Share of seeds at which A was more accurate; a tie counts as half.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
    """

    probability: float
    low: float
    high: float


def count_wins(differences: Sequence[float]) -> Wins:
    """Estimate P(A > B) with Wilson's interval, from the difference A - B at each seed.

    A tie counts as half a win. Wilson's formula assumes the variance p (1 - p) of outcomes 0 and 1.
    Outcomes of 1/2 have less variance, so ties make the interval too wide, never too narrow.

    >>> wins = count_wins([0.001, 0.002, 0.0])
    >>> round(wins.probability, 3), wins.low < 0.5 < wins.high
    (0.833, True)

    Raises:
        ValueError: If there are no differences.
    """
    if not differences:
        raise ValueError("there are no differences; P(A > B) needs at least one seed")
    won = sum(1.0 if value > 0 else 0.5 if value == 0 else 0.0 for value in differences)
    low, high = proportion_confint(won, len(differences), alpha=1 - CONFIDENCE, method="wilson")
    return Wins(won / len(differences), float(low), float(high))


def fewest_wins(seeds: int) -> int:
    """Return how many wins put the lower end of Wilson's interval above 1/2.

    The result is larger than the number of seeds if no number of wins suffices. Wilson's interval
    excludes 1/2 if the score test rejects it: (wins - n/2) > z sqrt(n) / 2.

    >>> [fewest_wins(seeds) for seeds in (3, 4, 5, 10)]
    [4, 4, 5, 9]
    """
    return math.floor(seeds / 2 + _QUANTILE * math.sqrt(seeds) / 2) + 1


def fewest_seeds_for_better() -> int:
    """Return the fewest seeds that allow the verdict "better", which then needs a win at each."""
    return next(seeds for seeds in count(1) if fewest_wins(seeds) <= seeds)


def smallest_sign_flip_p(seeds: int) -> float:
    """Return the smallest two-sided p-value that an exact sign-flip test can give.

    >>> smallest_sign_flip_p(3), smallest_sign_flip_p(5)
    (0.25, 0.0625)

    Raises:
        ValueError: If there are no seeds.
    """
    if seeds < 1:
        raise ValueError(f"a sign-flip test needs at least one seed, got {seeds}")
    return float(2.0 ** (1 - seeds))
