"""Dropout whose masks are drawn from the trial's own stream, before the step that uses them.

A mask is a tensor beside the weights. So a model drops the same units whether it is trained alone or
stacked with others, and whether a step runs as it is written or as a captured one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

_RESOLUTION = 2**16  # a probability is rounded to a multiple of its inverse


class SeededDropout(nn.Module):
    """Takes the place of `nn.Dropout` in a model that is trained.

    Attributes:
        p: probability that a unit is dropped.
        mask: shaped as the input of one batch; 0 for a dropped unit, 1 / (1 - p) for another one. Without a mask the
            layer draws by itself, from the generator of the process.
    """

    mask: Tensor | None

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.register_buffer("mask", None, persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """The inputs with the mask applied, in training mode."""
        if not self.training or self.p == 0:
            return inputs
        return dropout(inputs, self.p) if self.mask is None else inputs * self.mask


def seed_dropouts(model: nn.Module) -> nn.Module:
    """The model with a `SeededDropout` in the place of every `nn.Dropout`; parameters keep their names.

    Args:
        model: changed in place, unless it is itself a dropout.
    """
    if type(model) is nn.Dropout:
        return SeededDropout(model.p)
    for name, child in model.named_children():
        setattr(model, name, seed_dropouts(child))
    return model


def drawn_masks(model: nn.Module) -> dict[str, tuple[Tensor, float]]:
    """Masks and their probabilities by the names of the buffers, in the order of the model."""
    return {
        f"{name}.mask": (layer.mask, layer.p)
        for name, layer in model.named_modules()
        if isinstance(layer, SeededDropout) and layer.mask is not None
    }


def shape_masks(model: nn.Module, inputs: Tensor) -> None:
    """Give the dropouts masks of the shape and the type that they need for such a batch.

    A layer that a forward pass uses more than once, or in training mode alone, gets none.
    """
    dropouts = [layer for layer in model.modules() if isinstance(layer, SeededDropout) and layer.p > 0]
    if not dropouts:
        return
    used: set[nn.Module] = set()

    def shape(module: nn.Module, arguments: tuple[Tensor]) -> None:
        if not isinstance(module, SeededDropout):
            raise TypeError("only dropouts have masks")
        module.mask = None if module in used else torch.ones_like(arguments[0])
        used.add(module)

    hooks = [layer.register_forward_pre_hook(shape) for layer in dropouts]
    training = model.training
    model.eval()  # statistics of batch norm must not see this batch
    with torch.no_grad():
        model(inputs)
    model.train(training)
    for hook in hooks:
        hook.remove()


def draw_masks(masks: Sequence[tuple[Tensor, float]], generators: Sequence[torch.Generator]) -> None:
    """New masks for one step, in place.

    Args:
        masks: with their probabilities; where there are several generators, each mask has a leading
            dimension, one entry for each generator.
        generators: one for each model, on the device of the masks.
    """
    for mask, p in masks:
        dropped = min(round(p * _RESOLUTION), _RESOLUTION)
        kept_scale = _RESOLUTION / (_RESOLUTION - dropped) if dropped < _RESOLUTION else 0.0
        rows = [mask] if len(generators) == 1 else mask.unbind(0)
        for row, generator in zip(rows, generators, strict=True):
            kept = _bits(row, generator) >= dropped - _RESOLUTION // 2
            torch.mul(kept, kept_scale, out=row)


def _bits(like: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform int16 of the shape of a tensor.

    Four from each draw of 64 bits: on a CPU ten times as fast as `bernoulli_`, which took a fifth of a step.
    """
    words = torch.empty((like.numel() + 3) // 4, dtype=torch.int64, device=like.device)
    words.random_(-(2**63), None, generator=generator)
    return words.view(torch.int16)[: like.numel()].view(like.shape)
