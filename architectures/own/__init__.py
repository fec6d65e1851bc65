"""Architectures that do not come with the harness: a user's files and modules, torchvision's and timm's models.

It may import `architectures.architecture` and `architectures.hyperparameters`, and torch inside functions.
"""

from architectures.own.described import description, is_stand_in, stand_in
from architectures.own.errors import OwnArchitectureError
from architectures.own.sources import SHIPPED_PACKAGE, file_of, load, module_of

__all__ = [
    "SHIPPED_PACKAGE",
    "OwnArchitectureError",
    "description",
    "file_of",
    "is_stand_in",
    "load",
    "module_of",
    "stand_in",
]
