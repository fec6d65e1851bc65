"""Consistency checks of a split."""

from __future__ import annotations

import numpy as np

from architectures import InputShape
from harness.data.dataset import Split
from harness.errors import DataError


def check_split(split: Split, classes: tuple[str, ...], shape: InputShape, name: str) -> None:
    """Check that images and labels of a split match and that every class occurs.

    Args:
        split: The split to check.
        classes: Names of the classes, in the order of their labels.
        shape: Required shape of each image.
        name: Name of the split and its data set, for error messages.

    Raises:
        DataError: If types, shapes or labels are wrong, or a class has no images.
    """
    images, labels = split.images, split.labels
    expected = (shape.channels, shape.height, shape.width)
    if images.dtype != np.uint8 or labels.dtype != np.int64:
        raise DataError(
            f"{name}: images must be uint8 and labels int64, but they are {images.dtype} and {labels.dtype}"
        )
    if images.ndim != 4 or images.shape[1:] != expected:
        raise DataError(
            f"{name}: images must have the shape (N, {', '.join(map(str, expected))}), but have {images.shape}"
        )
    if labels.shape != (len(images),):
        raise DataError(
            f"{name}: there are {len(images)} images, but the labels have the shape {labels.shape}; give one per image"
        )
    if len(labels) == 0:
        raise DataError(f"{name}: it contains no images")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise DataError(
            f"{name}: labels range from {labels.min()} to {labels.max()}, but {len(classes)} classes "
            f"need labels from 0 to {len(classes) - 1}"
        )
    counts = np.bincount(labels, minlength=len(classes))
    if empty := [kind for kind, count in zip(classes, counts, strict=True) if count == 0]:
        raise DataError(f"{name}: it contains no images of class {', '.join(empty)}")
