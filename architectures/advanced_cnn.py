"""A deeper convolutional network, designed for accuracy per second of training.

The first convolution has a stride of two, so no layer with many channels works at full resolution.
Such layers would take most of the time, and digits do not need them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from architectures.architecture import Architecture, InputShape
from architectures.hyperparameters import Epochs, Fraction, TrainingHyperparameters

if TYPE_CHECKING:
    from torch import nn


class AdvancedCnnHyperparameters(TrainingHyperparameters):
    """Hyperparameters of the advanced CNN; the later layers have twice `channels` channels."""

    epochs: Epochs = 6
    channels: Annotated[int, Field(ge=1, le=1024, description="number of channels of the first convolution")] = 32
    dropout: Annotated[Fraction, Field(description="dropout probability before the linear head")] = 0.2


def build(hyperparameters: AdvancedCnnHyperparameters, shape: InputShape, classes: int) -> nn.Module:
    """Build five convolutions with batch norm and ReLU, and a linear head.

    There are two max poolings between the convolutions and a global average pooling before the
    head.

    Raises:
        ValueError: If the image is smaller than 8 pixels on a side.
    """
    from torch import nn  # imported here: torch takes seconds, and a study does not need it

    if min(shape.height, shape.width) < 8:
        raise ValueError(f"advanced_cnn needs images of at least 8x8 pixels, got {shape.height}x{shape.width}")

    def block(inputs: int, outputs: int, kernel_size: int = 3, stride: int = 1, pool: int = 1) -> list[nn.Module]:
        # No bias, because batch norm has one. Pooling comes first: it leaves a quarter of the work.
        convolution = nn.Conv2d(inputs, outputs, kernel_size, stride, padding=kernel_size // 2, bias=False)
        pooling = [nn.MaxPool2d(pool)] if pool > 1 else []
        return [convolution, *pooling, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]

    narrow = hyperparameters.channels
    wide = narrow * 2
    return nn.Sequential(
        *block(shape.channels, narrow, kernel_size=5, stride=2),  # (B, narrow, H/2, W/2)
        *block(narrow, narrow, pool=2),  # (B, narrow, H/4, W/4)
        *block(narrow, wide),
        *block(wide, wide, pool=2),  # (B, wide, H/8, W/8)
        *block(wide, wide),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(hyperparameters.dropout),
        nn.Linear(wide, classes),
    )


ADVANCED_CNN = Architecture(
    name="advanced_cnn",
    title="Advanced CNN",
    summary="Five convolutions with batch normalisation and dropout, designed for high accuracy after short training.",
    hyperparameters=AdvancedCnnHyperparameters,
    build=build,
    convolutional=True,
    reference="Simonyan, Zisserman 2015 (arXiv 1409.1556); Ioffe, Szegedy 2015 (arXiv 1502.03167)",
    baseline_accuracy=0.9767,
)
