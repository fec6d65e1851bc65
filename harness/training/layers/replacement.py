"""Layers of a model replaced by others that compute the same."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def replace_layers(model: nn.Module, replacement: Callable[[nn.Module], nn.Module | None]) -> nn.Module:
    """The model with every layer replaced that has a replacement; parameters keep their names.

    Args:
        model: changed in place, unless it is itself replaced.
        replacement: of a layer; None to keep it.
    """
    replaced = replacement(model)
    if replaced is not None:
        return replaced
    for name, child in model.named_children():
        other = replace_layers(child, replacement)
        if other is not child:
            setattr(model, name, other)
    return model
