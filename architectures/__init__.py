"""The contenders: `ARCHITECTURES` is the explicit registry, in the order in which reports show them.

Architectures of a user's own are added when a command names them (`architectures.own`).
"""

from architectures.advanced_cnn import ADVANCED_CNN
from architectures.advanced_mlp import ADVANCED_MLP
from architectures.architecture import Architecture, InputShape
from architectures.hyperparameters import TrainingHyperparameters
from architectures.lenet5 import LENET5
from architectures.mlp import MLP
from architectures.own import register_own
from architectures.simple_cnn import SIMPLE_CNN

ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture for architecture in (SIMPLE_CNN, ADVANCED_CNN, LENET5, ADVANCED_MLP, MLP)
}

BUILT_IN = tuple(ARCHITECTURES)
"""Names of those that come with the harness."""

register_own(ARCHITECTURES)

__all__ = ["ARCHITECTURES", "BUILT_IN", "Architecture", "InputShape", "TrainingHyperparameters"]
