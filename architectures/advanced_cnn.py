"""A deeper convolutional network, shaped for accuracy per second of training.

The first convolution has a stride of two, so that no layer with many channels ever works at full
resolution: there the time goes, and a digit loses nothing by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from architectures.architecture import Architecture, InputShape
from architectures.hyperparameters import Epochs, Fraction, TrainingHyperparameters

if TYPE_CHECKING:
    from torch import nn


class AdvancedCnnHyperparameters(TrainingHyperparameters):
    """Widths grow from `channels` to twice as many."""

    epochs: Epochs = 6
    channels: Annotated[int, Field(ge=1, le=1024, description="of the first convolution")] = 32
    dropout: Annotated[Fraction, Field(description="before the linear head")] = 0.2


def build(hyperparameters: AdvancedCnnHyperparameters, shape: InputShape, classes: int) -> nn.Module:
    """Five convolutions with batch norm and ReLU, two max poolings, global average pooling, a linear head.

    Raises:
        ValueError: the image is smaller than 8 pixels on a side.
    """
    from torch import nn  # torch takes seconds to import, and a study needs the hyperparameters only

    if min(shape.height, shape.width) < 8:
        raise ValueError(f"advanced_cnn needs images of at least 8x8 pixels, got {shape.height}x{shape.width}")

    def block(inputs: int, outputs: int, kernel_size: int = 3, stride: int = 1, pool: int = 1) -> list[nn.Module]:
        # The batch norm that follows has a bias of its own; after pooling it has a quarter left to do.
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
    summary="Five convolutions with batch normalisation and dropout, shaped for accuracy per second of training.",
    hyperparameters=AdvancedCnnHyperparameters,
    build=build,
    convolutional=True,
    reference="Simonyan, Zisserman 2015 (arXiv 1409.1556); Ioffe, Szegedy 2015 (arXiv 1502.03167)",
    baseline_accuracy=0.9767,
)
