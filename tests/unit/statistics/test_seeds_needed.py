"""Tests of the number of seeds that a verdict needs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest

from harness.statistics.comparison import Verdict, compare_all
from harness.statistics.resampling import Variances, resample
from harness.statistics.seeds_needed import Limit, Outlook, decision_power, outlook

Correct = Mapping[int, npt.NDArray[np.bool_]]
STUDY = 1500


def decided(a: Correct, b: Correct, seeds: int, rope: float) -> float:
    """Return the share of benchmarks with this number of seeds that reach a verdict."""
    verdicts = []
    for start in range(0, STUDY - seeds + 1, seeds):
        chosen = range(start, start + seeds)
        models = {"a": {seed: a[seed] for seed in chosen}, "b": {seed: b[seed] for seed in chosen}}
        verdicts.append(compare_all(models, rope, replicates=2000)[0].verdict)
    return float(np.mean([verdict is not Verdict.UNDECIDED for verdict in verdicts]))


@pytest.mark.parametrize(
    ("accuracies", "seed", "rope"),
    [((0.98, 0.9685), 0.12, 0.0001), ((0.97, 0.962), 0.05, 0.0001), ((0.98, 0.982), 0.05, 0.0075)],
    ids=["seeds scatter", "images scatter", "equivalent"],
)
def test_the_needed_seeds_decide_in_80_percent_of_benchmarks(world, accuracies, seed, rope) -> None:
    """About 80 % of benchmarks with the needed seeds reach a verdict, and far fewer with half."""
    population = world(dict(zip("ab", accuracies, strict=True)), seed=seed, image=0.15, noise=0.3)
    a, b = population.draw(STUDY, 2500, np.random.default_rng(21)).values()
    known = resample(a, b, range(STUDY), replicates=10)
    wanted = outlook(known.difference, known.variances, 0.95, rope, seeds=2)
    assert wanted.limit is Limit.SEEDS
    assert wanted.seeds is not None
    assert 4 <= wanted.seeds <= 30
    assert decided(a, b, wanted.seeds, rope) == pytest.approx(0.8, abs=0.12)
    assert decided(a, b, wanted.seeds // 2, rope) < 0.65


def test_images_limit_the_decisions_of_seeds() -> None:
    """A difference below the uncertainty of the images stays undecided with any number of seeds."""
    of_images = 0.001**2
    assert outlook(0.0019, Variances(1e-12, of_images), 0.95, 0.001, 5) == Outlook(None, Limit.IMAGES)
    assert outlook(0.0021, Variances(1e-12, of_images), 0.95, 0.001, 5).limit is Limit.SEEDS


def test_with_enough_images_equivalence_needs_only_seeds() -> None:
    """A difference of zero can be equivalent only if the images' uncertainty is below the rope."""
    assert outlook(0.0, Variances(1e-6, 0.0006**2), 0.95, 0.001, 5) == Outlook(None, Limit.IMAGES)
    narrow = outlook(0.0, Variances(1e-6, 0.0004**2), 0.95, 0.001, 5)
    assert narrow.limit is Limit.SEEDS
    assert narrow.seeds is not None


def test_more_than_a_thousand_seeds_are_not_named() -> None:
    """A difference that needs more than 1,000 seeds has no number of seeds needed."""
    assert outlook(0.0001, Variances(0.01**2, 1e-12), 0.95, 1e-6, 5) == Outlook(None, Limit.SEEDS)


def test_without_variance_of_seeds_there_is_no_forecast() -> None:
    """One seed has no variance, and seeds without variance never give another verdict."""
    assert outlook(0.01, Variances(None, 1e-8), 0.95, 0.001, 1) == Outlook(None, Limit.SEEDS)
    assert outlook(0.0, Variances(0.0, 1e-8), 0.95, 0.001, 5) == Outlook(None, Limit.IMAGES)


def test_a_higher_level_needs_more_seeds() -> None:
    """A stricter level of Holm's method needs more seeds."""
    usual, strict = (outlook(0.002, Variances(0.002**2, 0.0003**2), level, 1e-6, 3).seeds for level in (0.95, 0.995))
    assert usual is not None
    assert strict is not None
    assert usual < strict


def test_power_is_limited_by_the_number_of_wins() -> None:
    """Three seeds are never enough for "better", but four are."""
    power = decision_power(0.01, 1e-10, 1e-8, 0.95, 1e-6, np.array([2, 3, 4, 5]))
    assert power == pytest.approx([0, 0, 1, 1])


def test_power_is_limited_by_the_images() -> None:
    """A difference inside the interval of the images needs more images, not more seeds."""
    seeds = np.array([5, 50, 500])
    assert decision_power(0.0015, 1e-8, 0.001**2, 0.95, 1e-6, seeds) == pytest.approx([0, 0, 0], abs=1e-3)
    assert decision_power(0.0025, 1e-8, 0.001**2, 0.95, 1e-6, seeds) == pytest.approx([1, 1, 1], abs=1e-3)
