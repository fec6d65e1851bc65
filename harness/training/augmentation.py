"""Random augmentation of training images, computed on whole batches, with a draw for each image.

The random numbers of an epoch are drawn at once, for every training image, from the seed only. So
an image is augmented in the same way for every architecture and every batch size.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from architectures.hyperparameters import AugmentationName

MAX_SHIFT = 2  # pixels
MAX_ROTATION = math.radians(12.0)
MAX_SCALING = 0.12
MAX_SHEAR = math.radians(8.0)
# Elastic distortion follows Simard, Steinkraus, Platt 2003.
_KNOTS = 5  # knots of the coarse displacement field along each side
_DISPLACEMENT = 0.09  # standard deviation at the knots; coordinates of the image go from -1 to 1
_DRAWS = {"none": 0, "shift": 2, "affine": 5, "elastic": 5 + 2 * _KNOTS * _KNOTS}


def draw(augmentation: AugmentationName, images: int, seed: int, device: torch.device | str = "cpu") -> Tensor:
    """Draw the random numbers for one epoch, uniform in [-1, 1).

    They are drawn on the device, because drawing the numbers for `elastic` on a CPU takes longer
    than a whole epoch on a GPU. So equal seeds give equal numbers on devices of the same kind, but
    different numbers on a CPU and on a GPU.

    Args:
        augmentation: Name of the augmentation.
        images: Number of training images.
        seed: Seed of the random numbers.
        device: Device to draw on.

    Returns:
        float32 (images, K) on the device; K depends on the augmentation and is 0 for `none`.
    """
    generator = torch.Generator(device).manual_seed(seed)
    return torch.rand(images, _DRAWS[augmentation], generator=generator, device=device).mul_(2).sub_(1)


def augment(images: Tensor, augmentation: AugmentationName, draws: Tensor) -> Tensor:
    """Augment a batch. Pixels from outside the image are 0, the value of the background.

    Args:
        images: float (B, C, H, W).
        augmentation: Name of the augmentation.
        draws: (B, K) Rows of the result of `draw`.

    Returns:
        (B, C, H, W), a new tensor unless the augmentation is `none`.
    """
    if augmentation == "none":
        return images
    batch, _, height, width = images.shape
    matrices = _shifts(draws, width, height) if augmentation == "shift" else _affine_maps(draws, width, height)
    basis = _basis(height, width, augmentation == "elastic", images.device)
    if augmentation == "elastic":
        # A uniform draw in [-1, 1) has the standard deviation 1/sqrt(3).
        knots = draws[:, 5:].view(batch, 2, _KNOTS * _KNOTS) * (_DISPLACEMENT * math.sqrt(3))
        matrices = torch.cat([matrices, knots], dim=2)
    # One matrix product computes the source position of every pixel. This is several times faster
    # than affine_grid.
    grid = (matrices.flatten(0, 1) @ basis).view(batch, 2, height, width).permute(0, 2, 3, 1)
    mode = "nearest" if augmentation == "shift" else "bilinear"
    return grid_sample(images, grid, mode=mode, padding_mode="zeros", align_corners=False)


@lru_cache(maxsize=8)
def _basis(height: int, width: int, elastic: bool, device: torch.device) -> Tensor:
    """Return the basis of source positions: rows x, y and 1 of each pixel, (3, H * W).

    For elastic distortion, there is one more row for each knot: a smooth bump. Coordinates are
    those of `grid_sample`: they go from -1 to 1, and the position of a pixel is its centre.
    """
    x = ((torch.arange(width, device=device) * 2 + 1) / width - 1).repeat(height)
    y = ((torch.arange(height, device=device) * 2 + 1) / height - 1).repeat_interleave(width)
    rows = torch.stack([x, y, torch.ones_like(x)])
    if not elastic:
        return rows
    knots = torch.eye(_KNOTS * _KNOTS, device=device).view(-1, 1, _KNOTS, _KNOTS)
    bumps = interpolate(knots, size=(height, width), mode="bicubic", align_corners=True)
    return torch.cat([rows, bumps.view(-1, height * width)])


def _shifts(draws: Tensor, width: int, height: int) -> Tensor:
    """Return maps (B, 2, 3) that shift images by whole pixels, up to `MAX_SHIFT` on each axis."""
    pixels = (draws * (MAX_SHIFT + 0.5)).round().clamp_(-MAX_SHIFT, MAX_SHIFT)
    one, zero = torch.ones_like(pixels[:, 0]), torch.zeros_like(pixels[:, 0])
    across, down = pixels[:, 0] * (2 / width), pixels[:, 1] * (2 / height)
    return torch.stack([one, zero, across, zero, one, down], dim=1).view(-1, 2, 3)


def _affine_maps(draws: Tensor, width: int, height: int) -> Tensor:
    """Return maps (B, 2, 3) from result to source positions: rotation, scaling, shear and shift."""
    angle = draws[:, 0] * MAX_ROTATION
    scale = 1 + draws[:, 1] * MAX_SCALING
    shear = torch.tan(draws[:, 2] * MAX_SHEAR)
    across, down = draws[:, 3] * (2 * MAX_SHIFT / width), draws[:, 4] * (2 * MAX_SHIFT / height)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    return torch.stack([cos, cos * shear - sin, across, sin, sin * shear + cos, down], dim=1).view(-1, 2, 3)
