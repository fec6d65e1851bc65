"""The contenders, one file each: `BUILT_IN` is the registry of those that come with the harness.

Architectures of a user's own are added to a registry by the command that names them (`architectures.own`).
"""

from architectures.architecture import Architecture, InputShape
from architectures.hyperparameters import TrainingHyperparameters
from architectures.registry import BUILT_IN, Registry

__all__ = ["BUILT_IN", "Architecture", "InputShape", "Registry", "TrainingHyperparameters"]
