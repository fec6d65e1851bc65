"""Simulated benchmarks with a known true difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats


@dataclass(frozen=True)
class World:
    """Populations of seeds and images. A model is correct if its ability exceeds the difficulty.

    Every term has a normal distribution, so the accuracy of an architecture over both populations
    is a normal probability. The difficulty of an image has a part that all architectures share. Its
    standard deviation is 1.

    Attributes:
        accuracies: True accuracy of each architecture, over all seeds and images.
        seed: Standard deviation of the ability over seeds, independent for each architecture.
        image: Standard deviation of the difficulty of an image over architectures.
        noise: Standard deviation of the rest, independent for each seed and image.
        shared_seed: Standard deviation of the ability over seeds, shared by all architectures.
    """

    accuracies: Mapping[str, float]
    seed: float
    image: float
    noise: float
    shared_seed: float = 0.0

    def draw(
        self, seeds: int, images: int, generator: np.random.Generator
    ) -> dict[str, dict[int, npt.NDArray[np.bool_]]]:
        """Draw a benchmark: for each architecture and seed, whether each image is correct."""
        spread = np.sqrt(1 + self.seed**2 + self.shared_seed**2 + self.image**2 + self.noise**2)
        difficulty = generator.standard_normal(images, dtype=np.float32)
        shared = self.shared_seed * generator.standard_normal(seeds)
        benchmark = {}
        for name, accuracy in self.accuracies.items():
            ability = spread * stats.norm.ppf(accuracy) + shared + self.seed * generator.standard_normal(seeds)
            own = difficulty + self.image * generator.standard_normal(images, dtype=np.float32)
            noise = np.float32(self.noise) * generator.standard_normal((seeds, images), dtype=np.float32)
            right = ability[:, None].astype(np.float32) + noise > own
            benchmark[name] = dict(enumerate(right))
        return benchmark


@pytest.fixture(scope="session")
def world() -> type[World]:
    """The class of the populations."""
    return World
