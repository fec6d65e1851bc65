"""Conversion of labels of any kind to numbers from 0 and class names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError


def number_labels(
    labels: Sequence[NDArray[Any]], names: Sequence[str] | None, where: str
) -> tuple[tuple[str, ...], list[NDArray[np.int64]]]:
    """Return the names of the classes, and the labels of every split as numbers from 0.

    Args:
        labels: Labels (N,) of each split: integers or strings.
        names: Names of the classes, if labels are integers from 0. None uses the labels as names.
        where: Name of the file, for error messages.

    Raises:
        DataError: If labels are neither integers nor strings, or a label has no name.
    """
    for one in labels:
        if one.ndim != 1 or one.dtype.kind not in "iuUS":
            raise DataError(
                f"{where}: labels have the type {one.dtype} and the shape {one.shape}; give one integer "
                "or one string per image"
            )
    if names is not None and all(one.dtype.kind in "iu" for one in labels):
        lowest, highest = min(int(one.min()) for one in labels), max(int(one.max()) for one in labels)
        if lowest < 0 or highest >= len(names):
            raise DataError(
                f"{where}: labels range from {lowest} to {highest}, but there are {len(names)} class names; number the "
                "labels from 0, and name each class in that order"
            )
        return tuple(names), [one.astype(np.int64) for one in labels]
    values = np.unique(np.concatenate(labels))
    numbered = [np.searchsorted(values, one).astype(np.int64) for one in labels]
    called = tuple(
        value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in values.tolist()
    )
    return called, numbered
