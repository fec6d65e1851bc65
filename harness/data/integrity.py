"""What must hold of a split before anything is computed from it."""

from __future__ import annotations

import numpy as np

from architectures import InputShape
from harness.data.dataset import Split
from harness.errors import DataError


def check_split(split: Split, classes: tuple[str, ...], shape: InputShape, name: str) -> None:
    """Accept a split whose images and labels fit together, with every class in it.

    Args:
        split: what is checked.
        classes: names of the classes, in the order of their labels.
        shape: that each image must have.
        name: of the split and its data set, for the message of an error.

    Raises:
        DataError: it is not so; the message says what is wrong.
    """
    images, labels = split.images, split.labels
    expected = (shape.channels, shape.height, shape.width)
    if images.dtype != np.uint8 or labels.dtype != np.int64:
        raise DataError(f"{name}: images are {images.dtype} and labels {labels.dtype}, not uint8 and int64")
    if images.ndim != 4 or images.shape[1:] != expected:
        raise DataError(f"{name}: images have the shape {images.shape}, not (N, {', '.join(map(str, expected))})")
    if labels.shape != (len(images),):
        raise DataError(f"{name}: {len(images)} images do not go with labels of the shape {labels.shape}")
    if len(labels) == 0:
        raise DataError(f"{name}: there are no images in it")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise DataError(
            f"{name}: labels run from {labels.min()} to {labels.max()}, and {len(classes)} classes "
            f"have labels from 0 to {len(classes) - 1}"
        )
    counts = np.bincount(labels, minlength=len(classes))
    if empty := [kind for kind, count in zip(classes, counts, strict=True) if count == 0]:
        raise DataError(f"{name}: there are no images of class {', '.join(empty)} in it")
