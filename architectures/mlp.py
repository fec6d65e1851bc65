"""The multilayer perceptron whose depth and width the published study searches with a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from architectures.architecture import Architecture, InputShape
from architectures.hyperparameters import BatchSize, Epochs, Fraction, LearningRate, TrainingHyperparameters

if TYPE_CHECKING:
    from torch import nn


class MlpHyperparameters(TrainingHyperparameters):
    """Hyperparameters of the MLP: depth, width, dropout and activation."""

    epochs: Epochs = 10
    batch_size: BatchSize = 256
    learning_rate: LearningRate = 2e-3
    hidden_layers: Annotated[
        int, Field(ge=0, le=64, description="number of hidden layers; 0 means multinomial logistic regression")
    ] = 2
    units: Annotated[int, Field(ge=1, le=65_536, description="number of units of each hidden layer")] = 256
    dropout: Annotated[Fraction, Field(description="dropout probability after each hidden layer")] = 0.0
    activation: Annotated[Literal["relu", "tanh", "gelu"], Field(description="activation after each hidden layer")] = (
        "relu"
    )


def build(hyperparameters: MlpHyperparameters, shape: InputShape, classes: int) -> nn.Module:
    """Build `hidden_layers` layers of `units` units, and a linear head (B, classes).

    Each hidden layer is linear, activation and dropout.
    """
    from torch import nn  # imported here: torch takes seconds, and a study does not need it

    activation = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}[hyperparameters.activation]
    layers: list[nn.Module] = [nn.Flatten()]
    width = shape.pixels
    for _ in range(hyperparameters.hidden_layers):
        layers += [nn.Linear(width, hyperparameters.units), activation()]
        if hyperparameters.dropout > 0:
            layers.append(nn.Dropout(hyperparameters.dropout))
        width = hyperparameters.units
    return nn.Sequential(*layers, nn.Linear(width, classes))


MLP = Architecture(
    name="mlp",
    title="MLP",
    summary="A multilayer perceptron without convolutions. The number and size of its hidden layers can be set.",
    hyperparameters=MlpHyperparameters,
    build=build,
    convolutional=False,
    reference="Rumelhart, Hinton, Williams 1986, Learning representations by back-propagating errors",
)
