"""2x2 average pooling for LeNet-5, with the results of torch's kernel but several times as fast.

In channels-last layout on a CPU, torch's kernel processes one pixel and one channel at a time. With
the six channels of LeNet-5, it took one quarter of the time of a step (figures in docs/log.md).
Import this module only where a model is built, because it imports torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d


class AveragePool2x2(nn.Module):
    """A faster `nn.AvgPool2d(2)`."""

    def forward(self, images: Tensor) -> Tensor:
        """Compute the means (B, C, H // 2, W // 2) of images (B, C, H, W)."""
        channels_last = images.stride(1) == 1
        even = images.shape[-1] % 2 == 0 and images.shape[-2] % 2 == 0
        if images.device.type != "cpu" or not channels_last or not even:
            return avg_pool2d(images, 2)
        pooled: Tensor = _Average.apply(images)
        return pooled


class _Average(torch.autograd.Function):
    """Forward pass: a depthwise convolution. Backward pass: four copies of each gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(images: Tensor) -> Tensor:
        channels = images.shape[1]
        # Sums in fp32 and rounds once, like torch's kernel.
        quarters = torch.full((channels, 1, 2, 2), 0.25, dtype=images.dtype)
        with torch.autocast("cpu", enabled=False):  # the output has the type of the input
            return conv2d(images, quarters, stride=2, groups=channels)

    @staticmethod
    def setup_context(*_: Any) -> None:
        """Save nothing, because the gradient does not depend on the images."""

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        pixels = gradient.mul(0.25).permute(0, 2, 3, 1)
        batch, height, width, channels = pixels.shape
        row = torch.cat([pixels, pixels], dim=-1).reshape(batch, height, 1, 2 * width * channels)
        rows = torch.cat([row, row], dim=2)
        return rows.reshape(batch, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)
