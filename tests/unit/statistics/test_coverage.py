"""Tests of the coverage of intervals and of the rate of false verdicts, by simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.statistics.comparison import Verdict, compare_all
from harness.statistics.resampling import resample

pytestmark = pytest.mark.slow

# Accuracies of a and b, and standard deviations relative to that of the difficulty of images.
SETTINGS = {
    "images scatter": {"accuracies": {"a": 0.985, "b": 0.98}, "seed": 0.02, "image": 0.5, "noise": 0.1},
    "seeds scatter": {"accuracies": {"a": 0.985, "b": 0.98}, "seed": 0.25, "image": 0.1, "noise": 0.1},
    "both": {"accuracies": {"a": 0.975, "b": 0.98}, "seed": 0.08, "image": 0.4, "noise": 0.3},
    "hard for both": {"accuracies": {"a": 0.99, "b": 0.992}, "seed": 0.05, "image": 0.15, "noise": 0.2},
    "noise": {"accuracies": {"a": 0.95, "b": 0.95}, "seed": 0.02, "image": 0.05, "noise": 0.8},
    "nine in ten": {"accuracies": {"a": 0.9, "b": 0.91}, "seed": 0.05, "image": 0.6, "noise": 0.5, "shared_seed": 0.1},
    "hardly any wrong": {"accuracies": {"a": 0.995, "b": 0.993}, "seed": 0.04, "image": 0.4, "noise": 0.3},
}
BENCHMARKS = 1000
REPLICATES = 2000
SAMPLING_ERROR = float(np.sqrt(0.95 * 0.05 / BENCHMARKS))


def coverage(world: Any, setting: str, seeds: int, images: int) -> float:
    """Return the share of 95 % intervals of the difference that contain the true difference."""
    population = world(**SETTINGS[setting])
    truth = population.accuracies["a"] - population.accuracies["b"]
    generator = np.random.default_rng([list(SETTINGS).index(setting), seeds, images])
    held = 0
    for _ in range(BENCHMARKS):
        drawn = population.draw(seeds, images, generator)
        low, high = resample(drawn["a"], drawn["b"], range(seeds), REPLICATES).interval(0.95)
        held += low <= truth <= high
    return held / BENCHMARKS


CASES = [
    *((setting, 5, 2000) for setting in SETTINGS),
    *((setting, 10, 1000) for setting in ("images scatter", "seeds scatter", "both", "hardly any wrong")),
    ("both", 5, 10_000),
]


@pytest.mark.parametrize(("setting", "seeds", "images"), CASES)
def test_the_interval_covers_the_true_difference_in_95_percent(world, setting: str, seeds: int, images: int) -> None:
    """With five or ten seeds, the coverage of the 95 % interval is between 93 % and 97 %.

    The upper bound also allows for the sampling error of 1,000 benchmarks. With five seeds that
    vary as much as the images, the coverage is 96.4 % in theory.
    """
    assert 0.93 <= coverage(world, setting, seeds, images) <= 0.97 + SAMPLING_ERROR


@pytest.mark.parametrize("setting", ["images scatter", "seeds scatter", "hardly any wrong"])
def test_the_interval_of_two_or_three_seeds_is_conservative(world, setting: str) -> None:
    """Few seeds give a poor estimate of their variance, so the interval is wider than needed."""
    for seeds in (2, 3):
        assert coverage(world, setting, seeds, images=1000) >= 0.95 - 2 * SAMPLING_ERROR


@pytest.mark.parametrize(("seed", "image"), [(0.02, 0.5), (0.3, 0.1)], ids=["images scatter", "seeds scatter"])
def test_equal_architectures_rarely_have_a_winner(world, seed: float, image: float) -> None:
    """Five architectures with the same true accuracy have a winner in at most 5 % of benchmarks.

    The bound does not allow for the sampling error of 400 benchmarks. The ten pairs share their
    architectures, so Holm's correction is conservative. The rate is below 5 % by more than that
    error.
    """
    population = world(dict.fromkeys("abcde", 0.98), seed=seed, image=image, noise=0.3)
    generator = np.random.default_rng(31)
    benchmarks, false = 400, 0
    for _ in range(benchmarks):
        pairs = compare_all(population.draw(5, 1000, generator), rope=1e-9, replicates=REPLICATES)
        assert len(pairs) == 10
        false += any(pair.verdict in (Verdict.A_BETTER, Verdict.B_BETTER) for pair in pairs)
    assert false / benchmarks <= 0.05
