"""Simulated benchmarks whose true difference is known by construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats


@dataclass(frozen=True)
class World:
    """Populations of seeds and of images: a model is right where its ability exceeds an image's difficulty.

    Every term is normal, so that an architecture's accuracy over both populations is a normal probability. The image's
    difficulty has a standard deviation of 1 and is shared; the others are

    Attributes:
        accuracies: architecture to its accuracy over all seeds and images, which is the truth.
        seed: of the ability, from seed to seed, of each architecture on its own.
        shared_seed: of the ability, from seed to seed, of all architectures alike.
        image: of an image's difficulty, from architecture to architecture.
        noise: of everything else, for each seed and image anew.
    """

    accuracies: Mapping[str, float]
    seed: float
    image: float
    noise: float
    shared_seed: float = 0.0

    def draw(
        self, seeds: int, images: int, generator: np.random.Generator
    ) -> dict[str, dict[int, npt.NDArray[np.bool_]]]:
        """One benchmark: architecture to seed to (images,), whether each was classified right."""
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
    """The populations to draw benchmarks from."""
    return World
