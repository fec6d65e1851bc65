"""What the harness needs to know of an architecture."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Architecture:
    """A contender of the benchmark.

    Attributes:
        name: what the command line, studies and reports call it.
        title: how people write it.
        summary: one sentence: what it is and why it is here.
        hyperparameters: its typed hyperparameters with their defaults.
        build: `(hyperparameters, shape, classes) -> nn.Module`; the module maps float images
            (B, channels, height, width) to logits (B, classes). Called with the random generator
            seeded, so that the same seed gives the same weights.
        convolutional: whether it computes on images rather than on flat vectors; decides the
            memory layout (channels last) that it is trained in.
        reference: the paper or project it comes from.
        baseline_accuracy: test accuracy on MNIST, as a fraction, that the project which this one
            takes over reported for it; None where it reported none.
    """

    name: str
    title: str
    summary: str
    hyperparameters: type[TrainingHyperparameters]
    build: Callable[[Any, InputShape, int], nn.Module]
    convolutional: bool
    reference: str
    baseline_accuracy: float | None = None
