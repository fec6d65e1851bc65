"""Average pooling of 2x2 pixels for LeNet-5: the same numbers as torch's own, several times as fast on a CPU.

In channels-last layout torch's own kernel walks through the image one pixel and one channel at a time; with LeNet-5's
six channels it took a quarter of a step. See docs/log.md for the figures. This file imports torch: import it where a
model is built.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d


class AveragePool2x2(nn.Module):
    """The pooling of `nn.AvgPool2d(2)`."""

    def forward(self, images: Tensor) -> Tensor:
        """Means (B, C, H // 2, W // 2) of images (B, C, H, W)."""
        channels_last = images.stride(1) == 1
        even = images.shape[-1] % 2 == 0 and images.shape[-2] % 2 == 0
        if images.device.type != "cpu" or not channels_last or not even:
            return avg_pool2d(images, 2)
        pooled: Tensor = _Average.apply(images)
        return pooled


class _Average(torch.autograd.Function):
    """Forward a convolution of each channel by itself, backward four copies of each gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(images: Tensor) -> Tensor:
        channels = images.shape[1]
        # Summed in fp32 and rounded once, as torch's own kernel does.
        quarters = torch.full((channels, 1, 2, 2), 0.25, dtype=images.dtype)
        with torch.autocast("cpu", enabled=False):  # pooling keeps the type of its input
            return conv2d(images, quarters, stride=2, groups=channels)

    @staticmethod
    def setup_context(*_: Any) -> None:
        """Keep nothing: the gradient does not depend on the images."""

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        pixels = gradient.mul(0.25).permute(0, 2, 3, 1)
        batch, height, width, channels = pixels.shape
        row = torch.cat([pixels, pixels], dim=-1).reshape(batch, height, 1, 2 * width * channels)
        rows = torch.cat([row, row], dim=2)
        return rows.reshape(batch, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)
