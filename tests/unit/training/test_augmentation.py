"""Tests of augmentation of whole batches."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from harness.training.augmentation import MAX_SHIFT, augment, draw

KINDS = ("shift", "affine", "elastic")


def ramp(count: int = 6) -> torch.Tensor:
    torch.manual_seed(0)
    images = torch.zeros(count, 2, 28, 28)
    images[:, :, 8:20, 8:20] = torch.rand(count, 2, 12, 12) * 200 + 55
    return images


def test_none_changes_nothing() -> None:
    """Without augmentation, the same batch is returned."""
    images = ramp()
    assert augment(images, "none", draw("none", 6, seed=1)) is images


@pytest.mark.parametrize("kind", KINDS)
def test_each_image_is_changed_by_its_own_draws_alone(kind) -> None:
    """An image gets the same result alone, in a batch, and next to other images."""
    images, draws = ramp(), draw(kind, 6, seed=1)
    together = augment(images, kind, draws)
    alone = augment(images[3:4], kind, draws[3:4])
    torch.testing.assert_close(together[3:4], alone, atol=1e-3, rtol=1e-4)
    assert not torch.allclose(together[0], images[0])
    same_image = images[:1].expand(6, -1, -1, -1)
    changed = augment(same_image, kind, draws)
    assert not torch.allclose(changed[0], changed[1])


@pytest.mark.parametrize("kind", KINDS)
def test_augmentation_keeps_shape_background_and_input(kind) -> None:
    """The batch keeps its shape, new pixels are background, and the input is not modified."""
    images = ramp()
    before = images.clone()
    changed = augment(images, kind, draw(kind, 6, seed=2))
    assert changed.shape == images.shape
    assert torch.equal(images, before)
    assert changed[:, :, 0, 0].abs().max() == 0
    assert changed.min() >= 0
    assert changed.max() <= 256


@pytest.mark.parametrize("kind", KINDS)
def test_draws_depend_only_on_the_seed(kind) -> None:
    """Equal seeds give equal draws, uniform in [-1, 1)."""
    draws = draw(kind, 1000, seed=5)
    assert torch.equal(draws, draw(kind, 1000, seed=5))
    assert not torch.equal(draws, draw(kind, 1000, seed=6))
    assert -1 <= draws.min() < -0.9
    assert 0.9 < draws.max() < 1
    assert abs(draws.mean()) < 0.05


def test_shifts_move_by_whole_pixels_in_every_direction() -> None:
    """Every shift up to the limit is about equally frequent, and no pixel is changed otherwise."""
    images = ramp(1).expand(800, -1, -1, -1)
    changed = augment(images, "shift", draw("shift", 800, seed=3))
    corners = Counter(tuple(torch.nonzero(image[0] > 0).min(0).values.tolist()) for image in changed)
    expected = range(8 - MAX_SHIFT, 8 + MAX_SHIFT + 1)
    assert set(corners) == {(row, column) for row in expected for column in expected}
    assert max(corners.values()) < 1.6 * 800 / len(corners)
    assert torch.equal(changed.flatten(1).sum(1).round(), images.flatten(1).sum(1).round())


@pytest.mark.parametrize("kind", ["affine", "elastic"])
def test_draws_of_zero_are_the_identity(kind) -> None:
    """Draws of zero are in the middle of all ranges and change nothing."""
    images = ramp()
    unchanged = augment(images, kind, torch.zeros_like(draw(kind, 6, seed=1)))
    torch.testing.assert_close(unchanged, images, atol=0.05, rtol=1e-3)


def test_elastic_bends_and_affine_does_not() -> None:
    """Affine maps keep straight lines straight, and elastic deformations do not."""
    lines = torch.zeros(40, 1, 28, 28)
    lines[:, :, :, 14] = 255
    straight = _bend(augment(lines, "affine", draw("affine", 40, seed=1)))
    elastic = draw("elastic", 40, seed=1)
    elastic[:, :5] = 0  # the affine part
    assert straight < 0.2 < _bend(augment(lines, "elastic", elastic))


def _bend(images: torch.Tensor) -> float:
    """Return the mean squared distance of a line from a straight line, over inner rows."""
    rows = images[:, 0, 6:22]
    centre = (rows * torch.arange(28.0)).sum(2) / rows.sum(2).clamp(min=1)
    x = torch.arange(16.0) - 7.5
    slope = (centre * x).sum(1, keepdim=True) / (x**2).sum()
    residual = centre - centre.mean(1, keepdim=True) - slope * x
    return residual.pow(2).mean().item()
