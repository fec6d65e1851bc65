"""A minimal convolutional network, to measure the effect of depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from architectures.architecture import Architecture, InputShape
from architectures.hyperparameters import Epochs, TrainingHyperparameters

if TYPE_CHECKING:
    from torch import nn


class SimpleCnnHyperparameters(TrainingHyperparameters):
    """Hyperparameters of the simple CNN; by default, the blocks have 16 and 32 channels."""

    epochs: Epochs = 6
    channels: Annotated[
        int, Field(ge=1, le=1024, description="number of channels of the first block; the second has twice as many")
    ] = 16


def build(hyperparameters: SimpleCnnHyperparameters, shape: InputShape, classes: int) -> nn.Module:
    """Build two blocks of 3x3 convolution, 2x2 max pooling and ReLU, and a linear head.

    Max pooling and ReLU give the same result in either order. Pooling comes first, because it
    leaves ReLU a quarter of the work.

    Raises:
        ValueError: If the image is smaller than 4 pixels on a side.
    """
    from torch import nn  # imported here: torch takes seconds, and a study does not need it

    if min(shape.height, shape.width) < 4:
        raise ValueError(f"simple_cnn needs images of at least 4x4 pixels, got {shape.height}x{shape.width}")
    first, second = hyperparameters.channels, 2 * hyperparameters.channels
    return nn.Sequential(
        nn.Conv2d(shape.channels, first, kernel_size=3, padding=1),
        nn.MaxPool2d(2),  # (B, first, H/2, W/2)
        nn.ReLU(),
        nn.Conv2d(first, second, kernel_size=3, padding=1),
        nn.MaxPool2d(2),  # (B, second, H/4, W/4)
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(second * (shape.height // 4) * (shape.width // 4), classes),
    )


SIMPLE_CNN = Architecture(
    name="simple_cnn",
    title="Simple CNN",
    summary="A small CNN with two blocks of convolution and pooling, and a linear head.",
    hyperparameters=SimpleCnnHyperparameters,
    build=build,
    convolutional=True,
    reference="the common first example of a convolutional network",
    baseline_accuracy=0.924,
)
