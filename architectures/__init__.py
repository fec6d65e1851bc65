"""The contenders: `ARCHITECTURES` is the explicit registry, in the order in which reports show them."""

from architectures.advanced_cnn import ADVANCED_CNN
from architectures.advanced_mlp import ADVANCED_MLP
from architectures.architecture import Architecture, InputShape
from architectures.hyperparameters import TrainingHyperparameters
from architectures.lenet5 import LENET5
from architectures.mlp import MLP
from architectures.simple_cnn import SIMPLE_CNN

ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture for architecture in (SIMPLE_CNN, ADVANCED_CNN, LENET5, ADVANCED_MLP, MLP)
}

__all__ = ["ARCHITECTURES", "Architecture", "InputShape", "TrainingHyperparameters"]
