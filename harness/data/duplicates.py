"""Detection of test images that are also in the train or validation split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Split


def repeated_test_images(others: Iterable[Split], test: Split) -> tuple[str, ...]:
    """Return a warning with the number of test images that also occur in other splits.

    Args:
        others: Splits to search for identical images.
        test: The test split.

    Returns:
        One warning, or an empty tuple if there are no identical images.
    """
    seen = {_digest(image) for split in others for image in split.images}
    repeated = sum(_digest(image) in seen for image in test.images)
    if not repeated:
        return ()
    what = "test image is" if repeated == 1 else "test images are"
    return (
        f"WARNING: {repeated:,} of {len(test):,} {what} also in the train or validation split (identical pixels), "
        "so the reported accuracy is too high. Remove the duplicates.",
    )


def _digest(image: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()
