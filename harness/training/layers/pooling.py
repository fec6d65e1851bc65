"""Average pooling of 2x2 pixels as a convolution: the same numbers, several times as fast on a CPU.

In channels-last layout torch's own kernel walks through the image one pixel and one channel at a time; with LeNet-5's
six channels it took a quarter of a step. See docs/log.md for the figures.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d


class AveragePool2x2(nn.Module):
    """Takes the place of `nn.AvgPool2d(2)` in a model that is trained.

    Attributes:
        plain: use torch's own kernel, whatever the input.
    """

    def __init__(self) -> None:
        super().__init__()
        self.plain = False

    def forward(self, images: Tensor) -> Tensor:
        """Means (B, C, H // 2, W // 2) of images (B, C, H, W)."""
        if self.plain or not _suits(images):
            return avg_pool2d(images, 2)
        pooled: Tensor = _Average.apply(images)
        return pooled


def _suits(images: Tensor) -> bool:
    even = images.shape[-1] % 2 == 0 and images.shape[-2] % 2 == 0
    return (
        even
        and images.device.type == "cpu"
        and images.ndim == 4
        and images.is_contiguous(memory_format=torch.channels_last)
    )


class _Average(torch.autograd.Function):
    """Forward a convolution of each channel by itself, backward four copies of each gradient."""

    @staticmethod
    def forward(_: Any, images: Tensor) -> Tensor:
        channels = images.shape[1]
        # Summed in fp32 and rounded once, as torch's own kernel does.
        quarters = torch.full((channels, 1, 2, 2), 0.25, dtype=images.dtype)
        with torch.autocast("cpu", enabled=False):  # pooling keeps the type of its input
            return conv2d(images, quarters, stride=2, groups=channels)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        pixels = gradient.mul(0.25).permute(0, 2, 3, 1)
        batch, height, width, channels = pixels.shape
        row = torch.cat([pixels, pixels], dim=-1).reshape(batch, height, 1, 2 * width * channels)
        rows = torch.cat([row, row], dim=2)
        return rows.reshape(batch, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)


def quick_pooling(layer: nn.Module) -> nn.Module | None:
    """`AveragePool2x2` for an average pooling that it can stand for; None for any other layer."""
    if type(layer) is not nn.AvgPool2d:
        return None
    size, stride = _pair(layer.kernel_size), _pair(layer.stride)
    simple = _pair(layer.padding) == (0, 0) and not layer.ceil_mode and layer.divisor_override is None
    return AveragePool2x2() if size == stride == (2, 2) and simple else None


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)
