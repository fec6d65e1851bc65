"""Tests of estimates from several accuracies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.statistics.estimates import (
    IntervalMethod,
    estimate_accuracy,
    finite_population_interval,
    student_t_interval,
    wilson_interval,
)

ACCURACIES = [0.991, 0.993, 0.992, 0.9925, 0.9905]


def test_too_few_values_are_an_error() -> None:
    """An estimate needs one value, and a t interval needs two."""
    with pytest.raises(ValueError, match="at least one"):
        estimate_accuracy([], images=10)
    with pytest.raises(ValueError, match="at least two"):
        student_t_interval([0.9])


def test_student_interval_matches_scipy() -> None:
    """The interval over seeds equals scipy's t interval of the standard error."""
    expected = stats.t.interval(0.95, df=4, loc=np.mean(ACCURACIES), scale=stats.sem(ACCURACIES))
    assert student_t_interval(ACCURACIES) == pytest.approx(expected)


def test_wilson_interval_matches_a_published_value() -> None:
    """For 15 of 148, Newcombe (1998) gives 0.0624 to 0.1605 (score method without correction)."""
    low, high = wilson_interval(15, 148)
    assert (round(low, 4), round(high, 4)) == (0.0624, 0.1605)


def test_several_seeds_use_student() -> None:
    """Two or more seeds have a t interval and a standard deviation."""
    estimate = estimate_accuracy(ACCURACIES, images=10_000)
    assert estimate.mean == pytest.approx(np.mean(ACCURACIES))
    assert (estimate.method, estimate.n) == (IntervalMethod.STUDENT_T, 5)
    assert (estimate.low, estimate.high) == pytest.approx(student_t_interval(ACCURACIES))
    assert estimate.std == pytest.approx(np.std(ACCURACIES, ddof=1))


def test_one_seed_uses_wilson_over_the_images() -> None:
    """A single seed has no standard deviation. Its interval is over the test images."""
    estimate = estimate_accuracy([0.992], images=10_000)
    assert (estimate.method, estimate.n, estimate.std) == (IntervalMethod.WILSON, 1, None)
    assert (estimate.low, estimate.high) == wilson_interval(9_920, 10_000)


def test_equal_seeds_have_an_interval_of_width_zero() -> None:
    """The interval of equal accuracies is a point and not NaN."""
    estimate = estimate_accuracy([0.99, 0.99], images=100)
    assert (estimate.low, estimate.high) == pytest.approx((0.99, 0.99))


def test_interval_stays_between_0_and_1() -> None:
    """The ends of an interval are never above 1 or below 0."""
    assert estimate_accuracy([1.0, 0.9], images=10).high == 1.0
    assert estimate_accuracy([0.0, 0.1], images=10).low == 0.0


@pytest.mark.parametrize(("found", "sampled", "population"), [(0, 4, 31), (1, 4, 31), (3, 10, 50), (4, 4, 31)])
def test_finite_population_interval_holds_the_numbers_that_are_not_too_unlikely(
    found: int, sampled: int, population: int
) -> None:
    """At every number in the interval, both tails of the sample have more than 2.5 %."""
    counted = range(found, population - sampled + found + 1)
    likely = [
        number
        for number in counted
        if stats.hypergeom.cdf(found, population, number, sampled) > 0.025
        and stats.hypergeom.sf(found - 1, population, number, sampled) > 0.025
    ]
    assert finite_population_interval(found, sampled, population) == (likely[0], likely[-1])
