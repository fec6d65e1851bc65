"""Reader of NumPy archives: `images`, `labels` and, optionally, `test_images`, `test_labels`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from architectures import InputShape
from harness.data.dataset import Split, UncutDataset
from harness.data.sources.labels import number_labels
from harness.errors import BROKEN_ARRAYS, DataError

_KNOWN = ("images", "labels", "test_images", "test_labels", "classes")


def load_npz(path: Path) -> UncutDataset:
    """Load a data set from an archive.

    Images have the shape (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels. Their values
    are integers from 0 to 255 or floating-point numbers from 0 to 1. The optional array `classes`
    contains the class names in the order of labels from 0.

    Raises:
        DataError: If an array is missing, or has an unsupported shape, type or value.
    """
    try:
        content = path.read_bytes()
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, NDArray[Any]] = {name: file[name] for name in file.files if name in _KNOWN}
    except BROKEN_ARRAYS as error:
        raise DataError(f"{path}: it cannot be read as an .npz file of plain arrays: {error}") from None
    for name in ("images", "labels", *(("test_images", "test_labels") if "test_images" in arrays else ())):
        if name not in arrays:
            raise DataError(
                f"{path}: the array '{name}' is missing; store 'images' and 'labels' and, for a test split, "
                "'test_images' and 'test_labels'"
            )
    parts = [part for part in ("", "test_") if f"{part}images" in arrays]
    names = [str(name) for name in arrays["classes"].ravel().tolist()] if "classes" in arrays else None
    written = [arrays[f"{part}labels"] for part in parts]
    columns = [one[:, 0] if one.ndim == 2 and one.shape[1] == 1 else one for one in written]
    classes, labels = number_labels(columns, names, str(path))
    images = [as_bytes(arrays[f"{part}images"], f"{path}: {part}images") for part in parts]
    splits = [Split(pixels, label) for pixels, label in zip(images, labels, strict=True)]
    _, channels, height, width = splits[0].images.shape
    return UncutDataset(
        name=path.stem,
        classes=classes,
        shape=InputShape(channels, height, width),
        train=splits[0],
        test=splits[1] if len(splits) > 1 else None,
        source="an .npz file",
        sha256={path.name: hashlib.sha256(content).hexdigest()},
    )


def as_bytes(images: NDArray[Any], what: str) -> NDArray[np.uint8]:
    """Convert images to uint8 (N, C, H, W).

    >>> as_bytes(np.ones((2, 8, 9, 3)), "these").shape
    (2, 3, 8, 9)

    Args:
        images: Images of a shape and value range that `load_npz` supports.
        what: Name of the images, for error messages.

    Raises:
        DataError: If the shape or the values are not supported.
    """
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[3] in (1, 3) and images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        raise DataError(
            f"{what} have the shape {images.shape}; give (N, height, width), (N, height, width, channels) or "
            "(N, channels, height, width), with 1 or 3 channels"
        )
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    low, high = float(images.min()), float(images.max())
    if images.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.ascontiguousarray(np.rint(images * 255).astype(np.uint8))
    if images.dtype.kind in "iu" and low >= 0 and high <= 255:
        return np.ascontiguousarray(images.astype(np.uint8))
    raise DataError(
        f"{what} are {images.dtype} from {low:g} to {high:g}; give integers from 0 to 255, or floating-point numbers "
        "from 0 to 1, before any normalisation"
    )
