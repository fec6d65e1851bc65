"""Tests of the data set digits."""

import numpy as np
from sklearn.datasets import load_digits as load_from_sklearn

from harness.data.sources.digits import load_digits


def test_digits_is_split_into_train_and_test() -> None:
    """The test split has a fifth of the images of every class, and no image is in both splits."""
    digits = load_digits()
    assert (len(digits.train), len(digits.test)) == (1437, 360)
    whole = np.bincount(load_from_sklearn().target)
    assert np.abs(np.bincount(digits.test.labels) - whole / 1797 * 360).max() < 1
    images, labels = load_from_sklearn(return_X_y=True)
    expected = sorted((label, tuple(row)) for row, label in zip(images, labels, strict=True))
    found = sorted(
        (label, tuple(np.rint(image.ravel() * (16 / 255))))
        for split in (digits.train, digits.test)
        for image, label in zip(split.images, split.labels, strict=True)
    )
    assert found == expected


def test_pixels_of_digits_use_the_range_of_a_byte() -> None:
    """Values from 0 to 16 become values from 0 to 255, in uint8 images with one channel."""
    digits = load_digits()
    assert digits.train.images.shape == (1437, 1, 8, 8)
    assert digits.train.images.dtype == np.uint8
    assert digits.train.labels.dtype == np.int64
    assert (digits.train.images.min(), digits.train.images.max()) == (0, 255)
    assert len(np.unique(digits.train.images)) == 17


def test_test_split_of_digits_is_always_the_same() -> None:
    """Loading twice gives the same test split."""
    first, second = load_digits().test, load_digits().test
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.labels, second.labels)
