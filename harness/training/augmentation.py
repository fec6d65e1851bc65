"""Random changes of training images: on the whole batch as tensors, drawn for each example.

The draws of an epoch are made at once, for every training image, from the seed alone. So an image is
changed in the same way whatever the architecture and the batch size.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from architectures.hyperparameters import AugmentationName

MAX_SHIFT = 2  # pixels
MAX_ROTATION = math.radians(12.0)
MAX_SCALING = 0.12
MAX_SHEAR = math.radians(8.0)
_KNOTS = 5  # of the coarse displacement field along each side
_DISPLACEMENT = 0.09  # standard deviation at the knots; the image spans from -1 to 1
_DRAWS = {"none": 0, "shift": 2, "affine": 5, "elastic": 5 + 2 * _KNOTS * _KNOTS}


def draw(augmentation: AugmentationName, images: int, seed: int) -> Tensor:
    """Random numbers for one epoch, uniform in [-1, 1).

    Returns:
        float32 (images, K) on the CPU; K depends on the augmentation and is 0 for `none`.
    """
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(images, _DRAWS[augmentation], generator=generator).mul_(2).sub_(1)


def augment(images: Tensor, augmentation: AugmentationName, draws: Tensor) -> Tensor:
    """Change a batch; what comes in from outside the frame is 0, which is background.

    Args:
        images: float (B, C, H, W).
        augmentation: which change.
        draws: (B, K), rows of `draw`.

    Returns:
        (B, C, H, W), a new tensor unless the augmentation is `none`.
    """
    if augmentation == "none":
        return images
    if augmentation == "shift":
        return _shift(images, draws)
    grid = affine_grid(_affine_matrices(draws, images.shape), list(images.shape), align_corners=False)
    if augmentation == "elastic":
        grid = grid + _displacements(draws[:, 5:], images.shape)
    return grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _shift(images: Tensor, draws: Tensor) -> Tensor:
    """Whole pixels, up to `MAX_SHIFT` each way."""
    batch, channels, height, width = images.shape
    down, right = (draws * (MAX_SHIFT + 0.5)).round().clamp_(-MAX_SHIFT, MAX_SHIFT).long().add_(MAX_SHIFT).unbind(1)
    padded = torch.nn.functional.pad(images, (MAX_SHIFT,) * 4)
    rows = down[:, None] + torch.arange(height, device=images.device)  # (B, H)
    columns = right[:, None] + torch.arange(width, device=images.device)  # (B, W)
    stride = width + 2 * MAX_SHIFT
    flat = (rows[:, :, None] * stride + columns[:, None, :]).view(batch, 1, height * width)
    picked = padded.flatten(2).gather(2, flat.expand(batch, channels, height * width))
    return picked.view(batch, channels, height, width)


def _affine_matrices(draws: Tensor, shape: torch.Size) -> Tensor:
    """Inverse maps (B, 2, 3) in the coordinates of `affine_grid`: rotation, scaling, shear, shift."""
    _, _, height, width = shape
    angle = draws[:, 0] * MAX_ROTATION
    scale = 1 + draws[:, 1] * MAX_SCALING
    shear = torch.tan(draws[:, 2] * MAX_SHEAR)
    across, down = draws[:, 3] * (2 * MAX_SHIFT / width), draws[:, 4] * (2 * MAX_SHIFT / height)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = [cos, cos * shear - sin, across, sin, sin * shear + cos, down]
    return torch.stack(rows, dim=1).view(-1, 2, 3)


def _displacements(draws: Tensor, shape: torch.Size) -> Tensor:
    """Smooth displacement fields (B, H, W, 2), after Simard, Steinkraus, Platt 2003."""
    _, _, height, width = shape
    # A uniform draw in [-1, 1) has the standard deviation 1/sqrt(3).
    knots = draws.view(-1, 2, _KNOTS, _KNOTS) * (_DISPLACEMENT * math.sqrt(3))
    field = interpolate(knots, size=(height, width), mode="bicubic", align_corners=True)
    return field.permute(0, 2, 3, 1)
