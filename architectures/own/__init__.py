"""Architectures from the user's files and modules, and from torchvision and timm.

This package may import `architectures.architecture` and `architectures.hyperparameters`, and torch
inside functions.
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
