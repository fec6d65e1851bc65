"""The architectures, one file each. `BUILT_IN` is the registry of the built-in ones.

`architectures.own` loads the user's architectures and adds them to a registry.
"""

from architectures.architecture import Architecture, InputShape
from architectures.hyperparameters import TrainingHyperparameters
from architectures.registry import BUILT_IN, Registry

__all__ = ["BUILT_IN", "Architecture", "InputShape", "Registry", "TrainingHyperparameters"]
