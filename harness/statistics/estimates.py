"""Estimates from repeated measurements: mean, standard deviation and 95 % intervals."""

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
    """How an interval was computed: from the variation over seeds, or over test images."""

    STUDENT_T = "student_t"
    WILSON = "wilson"


@dataclass(frozen=True)
class AccuracyEstimate:
    """Accuracy of one configuration, from repeated training.

    Attributes:
        mean: Mean over the seeds, as a fraction.
        std: Sample standard deviation over the seeds; None for a single seed.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        method: How the interval was computed.
        n: Number of seeds.
    """

    mean: float
    std: float | None
    low: float
    high: float
    method: IntervalMethod
    n: int


def student_t_interval(values: Sequence[float]) -> tuple[float, float]:
    """Compute the 95 % interval of a mean, from independent, roughly normal values.

    Raises:
        ValueError: If there are fewer than two values.
    """
    centre = fmean(values)
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, df=max(len(values) - 1, 1)))
    half_width = quantile * stdev(values) / math.sqrt(len(values))
    return centre - half_width, centre + half_width


def wilson_interval(correct: int, images: int) -> tuple[float, float]:
    """Compute the 95 % interval of the accuracy of one model.

    Args:
        correct: Number of test images that the model classified correctly.
        images: Number of test images.

    Raises:
        ValueError: If there are no images, or `correct` is larger than `images`.
    """
    interval = stats.binomtest(correct, images).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def finite_population_interval(found: int, sampled: int, population: int) -> tuple[int, int]:
    """Compute the 95 % interval of the number of members of a population that have a property.

    The interval is exact. It contains every number for which the sample is not too unlikely on
    either side under the hypergeometric distribution.

    >>> finite_population_interval(0, 4, 31)
    (0, 17)

    Args:
        found: Number of sampled members that have the property.
        sampled: Size of the simple random sample.
        population: Size of the population.

    Raises:
        ValueError: Unless 0 <= found <= sampled <= population.
    """
    if not 0 <= found <= sampled <= population:
        raise ValueError(f"0 <= found <= sampled <= population does not hold: {found=}, {sampled=}, {population=}")
    tail = (1 - CONFIDENCE) / 2
    numbers = np.arange(found, population - sampled + found + 1)
    not_too_few = stats.hypergeom.cdf(found, population, numbers, sampled) > tail
    not_too_many = stats.hypergeom.sf(found - 1, population, numbers, sampled) > tail
    possible = numbers[not_too_few & not_too_many]
    return int(possible[0]), int(possible[-1])


def estimate_accuracy(accuracies: Sequence[float], images: int) -> AccuracyEstimate:
    """Compute mean and 95 % interval over seeds; for a single seed, the interval over test images.

    Args:
        accuracies: Accuracy at each seed, as a fraction.
        images: Number of test images.

    Raises:
        ValueError: If there are no accuracies.
    """
    centre = fmean(accuracies)
    if len(accuracies) == 1:
        low, high = wilson_interval(round(centre * images), images)
        return AccuracyEstimate(centre, None, low, high, IntervalMethod.WILSON, 1)
    low, high = student_t_interval(accuracies)
    return AccuracyEstimate(
        mean=centre,
        std=stdev(accuracies),
        low=max(low, 0.0),  # the t interval can exceed the range of an accuracy, [0, 1]
        high=min(high, 1.0),
        method=IntervalMethod.STUDENT_T,
        n=len(accuracies),
    )
