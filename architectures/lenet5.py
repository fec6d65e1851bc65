"""LeNet-5, a reference point: its accuracy on MNIST is well known."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from architectures.architecture import Architecture, InputShape
from architectures.hyperparameters import TrainingHyperparameters

if TYPE_CHECKING:
    from torch import nn


class LeNet5Hyperparameters(TrainingHyperparameters):
    """Hyperparameters of LeNet-5; the defaults are the classic tanh and average pooling."""

    activation: Annotated[Literal["tanh", "relu"], Field(description="activation after each hidden layer")] = "tanh"
    pooling: Annotated[Literal["average", "max"], Field(description="2x2 pooling after the layers C1 and C3")] = (
        "average"
    )


def build(hyperparameters: LeNet5Hyperparameters, shape: InputShape, classes: int) -> nn.Module:
    """Build LeNet-5 with layers C1 6, C3 16, C5 120, F6 84 and a linear output (B, classes).

    C1 pads by two, which corresponds to the paper's 32x32 frame around a 28x28 digit. C5 is a
    linear layer, because a convolution that covers its whole input is the same. C3 is connected to
    all maps of C1; the sparse connections in the paper saved memory in 1998.

    Raises:
        ValueError: If the image is smaller than 12 pixels on a side.
    """
    from torch import nn  # imported here: torch takes seconds, and a study does not need it

    from architectures.average_pooling import AveragePool2x2

    if min(shape.height, shape.width) < 12:
        raise ValueError(f"lenet5 needs images of at least 12x12 pixels, got {shape.height}x{shape.width}")
    activation = {"tanh": nn.Tanh, "relu": nn.ReLU}[hyperparameters.activation]
    pooling = AveragePool2x2 if hyperparameters.pooling == "average" else partial(nn.MaxPool2d, 2)
    height, width = ((size // 2 - 4) // 2 for size in (shape.height, shape.width))
    return nn.Sequential(
        nn.Conv2d(shape.channels, 6, kernel_size=5, padding=2),  # C1 (B, 6, H, W)
        activation(),
        pooling(),  # S2 (B, 6, H/2, W/2)
        nn.Conv2d(6, 16, kernel_size=5),  # C3 (B, 16, H/2 - 4, W/2 - 4)
        activation(),
        pooling(),  # S4
        nn.Flatten(),
        nn.Linear(16 * height * width, 120),  # C5
        activation(),
        nn.Linear(120, 84),  # F6
        activation(),
        nn.Linear(84, classes),
    )


LENET5 = Architecture(
    name="lenet5",
    title="LeNet-5",
    summary="A CNN of 1998 with two convolutions and three linear layers, by default with tanh and average pooling.",
    hyperparameters=LeNet5Hyperparameters,
    build=build,
    convolutional=True,
    reference="LeCun, Bottou, Bengio, Haffner 1998, Gradient-based learning applied to document recognition",
    baseline_accuracy=0.9896,
)
