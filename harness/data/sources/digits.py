"""The digits data set (Alpaydin and Kaynak 1998): 1,797 8x8 images, included in scikit-learn."""

from __future__ import annotations

import numpy as np

from architectures import InputShape
from harness.data.dataset import Split, UncutDataset
from harness.data.splits import stratified_cut

TEST_SIZE = 360
"""Number of test images: one fifth of all images, rounded up."""

TEST_SEED = 0
"""Seed for the test split, the same for every study. The original data has no test split."""


def load_digits() -> UncutDataset:
    """Load digits: 1,437 training and 360 test images, uint8 (N, 1, 8, 8).

    Both parts keep the order of the data set. The values 0 to 16 are scaled to 0 to 255.
    """
    # Imported here because the import takes more than a second and no other data set needs it.
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
