"""Digits (Alpaydin and Kaynak 1998): 1,797 images of 8x8 pixels, shipped inside scikit-learn."""

from __future__ import annotations

import numpy as np

from architectures import InputShape
from harness.data.dataset import Split, UncutDataset
from harness.data.splits import stratified_cut

TEST_SIZE = 360
"""A fifth of the images, rounded up."""

TEST_SEED = 0
"""Digits has no test split of its own: this seed makes one, the same for every study."""


def load_digits() -> UncutDataset:
    """Digits: 1,437 training and 360 test images, uint8 (N, 1, 8, 8), each in the order of the data set.

    The values 0 to 16 are scaled to 0 to 255.
    """
    # Here, because it takes more than a second that no other data set needs.
    from sklearn.datasets import load_digits as load_from_sklearn

    images, labels = load_from_sklearn(return_X_y=True)
    whole = Split(
        images=np.rint(images.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8),
        labels=labels.astype(np.int64),
    )
    rest, test = stratified_cut(whole.labels, TEST_SIZE, TEST_SEED)
    return UncutDataset(
        name="digits",
        classes=tuple("0123456789"),
        shape=InputShape(channels=1, height=8, width=8),
        train=whole.select(rest),
        test=whole.select(test),
        source="scikit-learn",
        sha256={},
        licence="CC BY 4.0 (UCI Machine Learning Repository)",
    )
