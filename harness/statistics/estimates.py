"""What a handful of accuracies says: mean, standard deviation, and a 95 % interval for the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, stdev

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


class IntervalMethod(StrEnum):
    """Where an interval comes from, and so what it covers: spread over seeds, or over test images."""

    STUDENT_T = "student_t"
    WILSON = "wilson"


@dataclass(frozen=True)
class AccuracyEstimate:
    """Accuracy of one configuration, from repeated training.

    Attributes:
        mean: over the seeds, as a fraction.
        std: sample standard deviation over the seeds; None for a single seed, which shows no spread.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        method: how the interval was computed.
        n: number of seeds.
    """

    mean: float
    std: float | None
    low: float
    high: float
    method: IntervalMethod
    n: int


def student_t_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % interval for the mean of which the values are independent, roughly normal draws.

    Raises:
        ValueError: there are fewer than two values.
    """
    centre = fmean(values)
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, df=max(len(values) - 1, 1)))
    half_width = quantile * stdev(values) / math.sqrt(len(values))
    return centre - half_width, centre + half_width


def wilson_interval(correct: int, images: int) -> tuple[float, float]:
    """95 % interval for the accuracy of one model, from how many of the test images it got right.

    Raises:
        ValueError: there are no images, or more are right than there are.
    """
    interval = stats.binomtest(correct, images).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def finite_population_interval(found: int, sampled: int, population: int) -> tuple[int, int]:
    """95 % interval for how many of a population have a property, from how many of a simple random sample have it.

    Exact, from the hypergeometric distribution: the numbers that leave what was found not too unlikely on either side.

    >>> finite_population_interval(0, 4, 31)
    (0, 17)

    Raises:
        ValueError: more found than sampled, or more sampled than there are.
    """
    if not 0 <= found <= sampled <= population:
        raise ValueError(f"{found} found among {sampled} sampled of {population} is not possible")
    tail = (1 - CONFIDENCE) / 2
    numbers = np.arange(found, population - sampled + found + 1)
    not_too_few = stats.hypergeom.cdf(found, population, numbers, sampled) > tail
    not_too_many = stats.hypergeom.sf(found - 1, population, numbers, sampled) > tail
    possible = numbers[not_too_few & not_too_many]
    return int(possible[0]), int(possible[-1])


def estimate_accuracy(accuracies: Sequence[float], images: int) -> AccuracyEstimate:
    """Mean and interval over seeds; for a single seed, the interval over the test images.

    Args:
        accuracies: of each seed, as fractions.
        images: how many test images each was measured on.

    Raises:
        ValueError: there are no accuracies.
    """
    centre = fmean(accuracies)
    if len(accuracies) == 1:
        low, high = wilson_interval(round(centre * images), images)
        return AccuracyEstimate(centre, None, low, high, IntervalMethod.WILSON, 1)
    low, high = student_t_interval(accuracies)
    return AccuracyEstimate(
        mean=centre,
        std=stdev(accuracies),
        low=max(low, 0.0),  # an accuracy cannot leave [0, 1], and the t interval does not know it
        high=min(high, 1.0),
        method=IntervalMethod.STUDENT_T,
        n=len(accuracies),
    )
