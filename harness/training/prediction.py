"""Predictions of a model, with its precision and memory layout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.training.resident import Normaliser
from harness.training.settings import Settings

_BATCH = {"cpu": 250, "cuda": 1000}  # larger batches exceed a CPU cache; smaller ones leave a GPU idle


def predict(model: nn.Module, images: Tensor, normaliser: Normaliser, settings: Settings) -> Tensor:
    """Compute the logits of uint8 images (N, C, H, W) in evaluation mode.

    Returns:
        float32 (N, classes), or (S, N, classes) for stacked models.
    """
    model.eval()
    chunks = torch.split(images, _BATCH[settings.device_type])
    return torch.cat([logits_of(model, chunk, normaliser, settings) for chunk in chunks], dim=-2)


def logits_of(model: nn.Module, images: Tensor, normaliser: Normaliser, settings: Settings) -> Tensor:
    """Compute the float32 logits (B, classes) of one batch of uint8 images, without gradients.

    The mode of the model, training or evaluation, is not changed.
    """
    with torch.inference_mode(), autocast(settings):
        inputs = normaliser(images.float()).contiguous(memory_format=memory_layout(model))
        logits: Tensor = model(inputs).float()
        return logits


def memory_layout(model: nn.Module) -> torch.memory_format:
    """Return channels last if the model's kernels have that layout, otherwise contiguous."""
    channels_last = any(
        p.ndim == 4 and p.is_contiguous(memory_format=torch.channels_last) and not p.is_contiguous()
        for p in model.parameters()
    )
    return torch.channels_last if channels_last else torch.contiguous_format


def autocast(settings: Settings) -> torch.autocast:
    """Return a context for convolutions and matrix products in the precision of the settings."""
    return torch.autocast(settings.device_type, dtype=torch.bfloat16, enabled=settings.precision == "bf16")
