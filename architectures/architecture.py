"""Description of an architecture for the harness."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from architectures.hyperparameters import TrainingHyperparameters

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class InputShape:
    """Shape of one image: channels, height and width in pixels."""

    channels: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Number of values in one image."""
        return self.channels * self.height * self.width


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """An architecture of the benchmark.

    Attributes:
        name: Name on the command line, in studies and in reports, and part of file names.
        summary: One sentence: what the architecture is and why it is compared.
        build: `(hyperparameters, shape, classes) -> nn.Module`, a function or a class. The module
            maps float images (B, channels, height, width) to logits (B, classes). The random
            generator is seeded before the call, so the same seed gives the same weights.
        hyperparameters: Class of typed hyperparameters with defaults.
        title: Name for display; default: `name`.
        convolutional: Whether the module computes on images rather than on flat vectors. If so, it
            is trained in the channels-last memory layout.
        reference: Paper or project that the architecture comes from.
        baseline_accuracy: Test accuracy on MNIST, as a fraction, reported by this project's
            predecessor; None if it reported none.

    Raises:
        ValueError: If the name cannot be part of a file name.
    """

    name: str
    summary: str
    build: Callable[[Any, InputShape, int], nn.Module]
    hyperparameters: type[TrainingHyperparameters] = TrainingHyperparameters
    title: str = ""
    convolutional: bool = True
    reference: str = ""
    baseline_accuracy: float | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", self.name):
            raise ValueError(
                f"{self.name!r} cannot name an architecture; use only letters, digits and _ . -, and start with a "
                "letter or digit"
            )
        if not self.title:
            object.__setattr__(self, "title", self.name)
