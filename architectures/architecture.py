"""What the harness needs to know of an architecture."""

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
    """A contender of the benchmark.

    Attributes:
        name: what the command line, studies and reports call it; files are named after it.
        summary: one sentence: what it is and why it is here.
        build: `(hyperparameters, shape, classes) -> nn.Module`, a function or the class itself; the module maps
            float images (B, channels, height, width) to logits (B, classes). Called with the random generator
            seeded, so that the same seed gives the same weights.
        hyperparameters: its typed hyperparameters with their defaults.
        title: how people write it; the name, unless it is given.
        convolutional: whether it computes on images rather than on flat vectors; decides the
            memory layout (channels last) that it is trained in.
        reference: the paper or project it comes from.
        baseline_accuracy: test accuracy on MNIST, as a fraction, that the project which this one
            takes over reported for it; None where it reported none.

    Raises:
        ValueError: the name cannot name a file.
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
            raise ValueError(f"{self.name!r} cannot name an architecture; use letters, digits and _ . - only")
        if not self.title:
            object.__setattr__(self, "title", self.name)
