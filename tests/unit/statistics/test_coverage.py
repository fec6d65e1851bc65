"""Whether intervals hold the truth, and how often verdicts are false, on simulated benchmarks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.statistics import Verdict, compare_all, resample

pytestmark = pytest.mark.slow

# Accuracies of a and b; how much seeds, images by architecture, and noise scatter, in units of an image's difficulty.
SETTINGS = {
    "images scatter": {"accuracies": {"a": 0.985, "b": 0.98}, "seed": 0.02, "image": 0.5, "noise": 0.1},
    "seeds scatter": {"accuracies": {"a": 0.985, "b": 0.98}, "seed": 0.5, "image": 0.1, "noise": 0.1},
    "both": {"accuracies": {"a": 0.975, "b": 0.98}, "seed": 0.08, "image": 0.4, "noise": 0.3},
    "hard for both": {"accuracies": {"a": 0.99, "b": 0.992}, "seed": 0.05, "image": 0.15, "noise": 0.2},
    "noise": {"accuracies": {"a": 0.95, "b": 0.95}, "seed": 0.02, "image": 0.05, "noise": 0.8},
    "nine in ten": {"accuracies": {"a": 0.9, "b": 0.91}, "seed": 0.05, "image": 0.6, "noise": 0.5, "shared_seed": 0.1},
    "hardly any wrong": {"accuracies": {"a": 0.995, "b": 0.993}, "seed": 0.04, "image": 0.4, "noise": 0.3},
}
BENCHMARKS = 1000
REPLICATES = 2000


def coverage(world: Any, setting: str, seeds: int, images: int) -> float:
    """How often the 95 % interval of the difference holds the true one."""
    population = world(**SETTINGS[setting])
    truth = population.accuracies["a"] - population.accuracies["b"]
    generator = np.random.default_rng([seeds, images])
    held = 0
    for _ in range(BENCHMARKS):
        drawn = population.draw(seeds, images, generator)
        low, high = resample(drawn["a"], drawn["b"], range(seeds), REPLICATES).interval(0.95)
        held += low <= truth <= high
    return held / BENCHMARKS


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_interval_holds_the_truth_as_often_as_it_says(world, setting: str) -> None:
    """With ten seeds, and with five, 95 % of the 95 % intervals hold the true difference, two points more or less."""
    assert coverage(world, setting, seeds=10, images=1000) == pytest.approx(0.95, abs=0.02)
    assert coverage(world, setting, seeds=5, images=2000) == pytest.approx(0.95, abs=0.02)


def test_the_interval_holds_the_truth_on_ten_thousand_images(world) -> None:
    """The same on a test set of MNIST's size, where seeds weigh more because images weigh less."""
    assert coverage(world, "both", seeds=5, images=10_000) == pytest.approx(0.95, abs=0.02)
    assert coverage(world, "hardly any wrong", seeds=5, images=10_000) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("setting", SETTINGS)
def test_two_and_three_seeds_err_on_the_wide_side(world, setting: str) -> None:
    """So few seeds do not show how far seeds scatter, and the interval covers more often than it says, not less."""
    sampling_error = 2 * np.sqrt(0.95 * 0.05 / BENCHMARKS)
    for seeds in (2, 3):
        assert coverage(world, setting, seeds, images=1000) >= 0.95 - sampling_error


@pytest.mark.parametrize(("seed", "image"), [(0.02, 0.5), (0.3, 0.1)], ids=["images scatter", "seeds scatter"])
def test_equal_architectures_are_seldom_told_apart(world, seed: float, image: float) -> None:
    """Of five architectures of one true accuracy, five seeds each, any is called better in 5 % of benchmarks at most.

    No allowance is made for chance: the upper end of the exact 97.5 % bound of the rate has to be below 5 %. That is
    possible because the rate is well below: five wins of five are asked for beside a small adjusted p.
    """
    population = world(dict.fromkeys("abcde", 0.98), seed=seed, image=image, noise=0.3)
    generator = np.random.default_rng(31)
    false = 0
    benchmarks = 400
    for _ in range(benchmarks):
        pairs = compare_all(population.draw(5, 2000, generator), rope=1e-9, replicates=REPLICATES)
        assert len(pairs) == 10
        false += any(pair.verdict in (Verdict.A_BETTER, Verdict.B_BETTER) for pair in pairs)
    assert stats.binomtest(false, benchmarks).proportion_ci(0.95).high <= 0.05
