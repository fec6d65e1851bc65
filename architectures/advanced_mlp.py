"""A multilayer perceptron with the regularisation of the 2010s, to compare with the plain MLP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from architectures.architecture import Architecture, InputShape
from architectures.hyperparameters import BatchSize, Epochs, Fraction, LearningRate, TrainingHyperparameters

if TYPE_CHECKING:
    from torch import nn


class AdvancedMlpHyperparameters(TrainingHyperparameters):
    """Hyperparameters of the advanced MLP; each layer has half the units of the previous one."""

    epochs: Epochs = 10
    batch_size: BatchSize = 256
    learning_rate: LearningRate = 3e-3
    units: Annotated[int, Field(ge=4, le=65_536, description="number of units of the first of three hidden layers")] = (
        512
    )
    dropout: Annotated[Fraction, Field(description="dropout probability after each hidden layer")] = 0.1


def build(hyperparameters: AdvancedMlpHyperparameters, shape: InputShape, classes: int) -> nn.Module:
    """Build three hidden layers of `units`, `units`/2 and `units`/4 units, and a linear head.

    Each hidden layer is linear, batch norm, ReLU and dropout.
    """
    from torch import nn  # imported here: torch takes seconds, and a study does not need it

    layers: list[nn.Module] = [nn.Flatten()]
    width = shape.pixels
    for units in (hyperparameters.units, hyperparameters.units // 2, hyperparameters.units // 4):
        # No bias, because the batch norm that follows has one.
        layers += [nn.Linear(width, units, bias=False), nn.BatchNorm1d(units), nn.ReLU()]
        layers.append(nn.Dropout(hyperparameters.dropout))
        width = units
    return nn.Sequential(*layers, nn.Linear(width, classes))


ADVANCED_MLP = Architecture(
    name="advanced_mlp",
    title="Advanced MLP",
    summary="A multilayer perceptron with three hidden layers, batch normalisation and dropout.",
    hyperparameters=AdvancedMlpHyperparameters,
    build=build,
    convolutional=False,
    reference="Ioffe, Szegedy 2015 (arXiv 1502.03167); Srivastava et al. 2014, Dropout",
)
