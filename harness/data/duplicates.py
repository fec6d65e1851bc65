"""Test images that are trained on as well: a result on them is no result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Split


def repeated_test_images(others: Iterable[Split], test: Split) -> tuple[str, ...]:
    """A sentence that says how many test images are, to the pixel, among these too; none when none is."""
    seen = {_digest(image) for split in others for image in split.images}
    repeated = sum(_digest(image) in seen for image in test.images)
    if not repeated:
        return ()
    what = "test image is" if repeated == 1 else "test images are"
    return (
        f"WARNING: {repeated:,} of {len(test):,} {what}, to the pixel, among the images that models are trained or "
        "selected on, so the accuracy is too high; remove the duplicates.",
    )


def _digest(image: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()
