"""Labels as they are written to labels from 0, and the names of their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError


def number_labels(
    labels: Sequence[NDArray[Any]], names: Sequence[str] | None, where: str
) -> tuple[tuple[str, ...], list[NDArray[np.int64]]]:
    """Names of the classes, and the labels of every split as numbers from 0.

    Args:
        labels: of each split, (N,): whole numbers or texts.
        names: of the classes, in the order of labels that are numbers from 0; None to call them as they are labelled.
        where: the file, for the message of an error.

    Raises:
        DataError: labels are neither, or there are more of them than names.
    """
    for one in labels:
        if one.ndim != 1 or one.dtype.kind not in "iuUS":
            raise DataError(
                f"{where}: labels are {one.dtype} of the shape {one.shape}; give one whole number "
                "or one text for each image"
            )
    if names is not None and all(one.dtype.kind in "iu" for one in labels):
        lowest, highest = min(int(one.min()) for one in labels), max(int(one.max()) for one in labels)
        if lowest < 0 or highest >= len(names):
            raise DataError(
                f"{where}: labels run from {lowest} to {highest}, and there are {len(names)} names of classes; name "
                "each class, in the order of labels from 0"
            )
        return tuple(names), [one.astype(np.int64) for one in labels]
    values = np.unique(np.concatenate(labels))
    numbered = [np.searchsorted(values, one).astype(np.int64) for one in labels]
    called = tuple(
        value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in values.tolist()
    )
    return called, numbered
