"""Dropout with masks that are drawn from the random stream of the trial, before each step.

A mask is a buffer of the model. So a model drops the same units whether it is trained alone or
stacked with others, and whether its steps are captured or not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

_RESOLUTION = 2**16  # a probability is rounded to a multiple of 1 / 2**16


class SeededDropout(nn.Module):
    """Replacement of `nn.Dropout` during training.

    Attributes:
        p: Probability that a unit is dropped.
        mask: Same shape as the input for one batch; 0 for a dropped unit, 1 / (1 - p) for a kept
            one. None uses torch's dropout, which draws from the generator of the process.
    """

    mask: Tensor | None

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.register_buffer("mask", None, persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply the mask in training mode; return the inputs unchanged in evaluation mode."""
        if not self.training or self.p == 0:
            return inputs
        return dropout(inputs, self.p) if self.mask is None else inputs * self.mask


def seed_dropouts(model: nn.Module) -> nn.Module:
    """Replace every `nn.Dropout` by a `SeededDropout`; parameters keep their names.

    Args:
        model: Modified in place, unless it is itself a dropout layer.
    """
    if type(model) is nn.Dropout:
        return SeededDropout(model.p)
    for name, child in model.named_children():
        setattr(model, name, seed_dropouts(child))
    return model


def drawn_masks(model: nn.Module) -> dict[str, tuple[Tensor, float]]:
    """Return each mask and its probability by the name of the buffer, in the order of the model."""
    return {
        f"{name}.mask": (layer.mask, layer.p)
        for name, layer in model.named_modules()
        if isinstance(layer, SeededDropout) and layer.mask is not None
    }


def shape_masks(model: nn.Module, inputs: Tensor) -> None:
    """Create masks of the shape and type that the dropout layers need for such a batch.

    A layer that a forward pass uses more than once, or only in training mode, gets no mask.
    """
    dropouts = [layer for layer in model.modules() if isinstance(layer, SeededDropout) and layer.p > 0]
    if not dropouts:
        return
    used: set[nn.Module] = set()

    def shape(module: nn.Module, arguments: tuple[Tensor]) -> None:
        if not isinstance(module, SeededDropout):
            raise TypeError("only dropout layers have masks")
        module.mask = None if module in used else torch.ones_like(arguments[0])
        used.add(module)

    hooks = [layer.register_forward_pre_hook(shape) for layer in dropouts]
    training = model.training
    model.eval()  # this batch must not change the running statistics of batch norm
    with torch.no_grad():
        model(inputs)
    model.train(training)
    for hook in hooks:
        hook.remove()


def draw_masks(masks: Sequence[tuple[Tensor, float]], generators: Sequence[torch.Generator]) -> None:
    """Draw new masks for one step, in place.

    Args:
        masks: Masks with their probabilities. With several generators, each mask has a leading
            dimension with one entry for each generator.
        generators: One generator for each model, on the device of the masks.
    """
    for mask, p in masks:
        dropped = min(round(p * _RESOLUTION), _RESOLUTION)
        kept_scale = _RESOLUTION / (_RESOLUTION - dropped) if dropped < _RESOLUTION else 0.0
        rows = [mask] if len(generators) == 1 else mask.unbind(0)
        for row, generator in zip(rows, generators, strict=True):
            kept = _bits(row, generator) >= dropped - _RESOLUTION // 2
            torch.mul(kept, kept_scale, out=row)


def _bits(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw uniform int16 values in the shape of a tensor.

    Each draw of 64 bits gives four values. On a CPU this is ten times as fast as `bernoulli_`,
    which took one fifth of the time of a step.
    """
    words = torch.empty((like.numel() + 3) // 4, dtype=torch.int64, device=like.device)
    words.random_(-(2**63), None, generator=generator)
    return words.view(torch.int16)[: like.numel()].view(like.shape)
