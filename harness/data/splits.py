"""Train and validation splits, with the normalisation and fingerprint computed from them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Normalisation, Split
from harness.errors import DataError

_AT_A_TIME = 2**24  # pixels


def cut_train_and_validation(
    labels: NDArray[np.int64], classes: int, validation_size: int, train_size: int | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the train and validation splits, stratified by class.

    Both arrays are in ascending order. The validation split does not depend on `train_size`.

    Args:
        labels: (N,) Labels of all examples.
        classes: Number of classes.
        validation_size: Number of images in the validation split.
        train_size: Number of images in the train split; None for all remaining images.
        seed: Seed for both splits.

    Raises:
        DataError: If the sizes are not possible, see `check_sizes`.
    """
    check_sizes(len(labels), classes, validation_size, train_size)
    rest, validation = stratified_cut(labels, validation_size, seed)
    if train_size is not None and train_size < len(rest):
        _, chosen = stratified_cut(labels[rest], train_size, seed)
        rest = rest[chosen]
    return rest, validation


def check_sizes(images: int, classes: int, validation_size: int, train_size: int | None) -> None:
    """Check that a stratified split can have these sizes.

    Raises:
        DataError: If a split, or the images outside it, would have fewer images than classes.
    """
    largest = images - classes
    if not classes <= validation_size <= largest:
        raise DataError(
            f"dataset.validation_size: a split of {validation_size} of {images} training images is not possible; each "
            f"of the {classes} classes needs an image on both sides, so choose {classes} to {largest}"
        )
    remaining = images - validation_size
    if train_size is None or train_size == remaining or classes <= train_size <= remaining - classes:
        return
    raise DataError(
        f"dataset.train_size: a split of {train_size} of the {remaining} images outside the validation split is not "
        f"possible; each of the {classes} classes needs an image on both sides, so "
        + (f"choose {classes} to {remaining - classes}, or " if remaining >= 2 * classes else "")
        + f"omit the key to use all {remaining}"
    )


def stratified_cut(labels: NDArray[np.int64], size: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw `size` examples, stratified by class.

    Returns:
        Indices of the other examples and indices of the drawn examples, both in ascending order.

    Raises:
        DataError: If a class has a single example, which cannot be on both sides.
    """
    # Imported here because the import takes more than a second and most callers do not need it.
    from sklearn.model_selection import train_test_split

    try:
        rest, taken = train_test_split(np.arange(len(labels)), test_size=size, random_state=seed, stratify=labels)
    except ValueError as error:
        raise DataError(f"a stratified split of {size} of {len(labels)} images is not possible: {error}") from None
    return np.sort(rest), np.sort(taken)


def normalisation(images: NDArray[np.uint8]) -> Normalisation:
    """Compute mean and standard deviation of each channel of images (N, channels, height, width).

    The sums are integers, so the result is the same on every machine. A channel without variation
    gets the standard deviation 1, which avoids a division by zero.

    >>> normalisation(np.array([0, 255], dtype=np.uint8).reshape(2, 1, 1, 1))
    Normalisation(mean=(0.5,), std=(0.5,))
    """
    channels = [_mean_and_std(images[:, channel]) for channel in range(images.shape[1])]
    return Normalisation(mean=tuple(mean for mean, _ in channels), std=tuple(std for _, std in channels))


def _mean_and_std(channel: NDArray[np.uint8]) -> tuple[float, float]:
    count = channel.size
    total = squares = 0
    for part in _parts(channel):  # squaring all pixels at once needs twice the memory of the images
        total += int(part.sum(dtype=np.int64))
        squares += int(np.square(part, dtype=np.uint16).sum(dtype=np.int64))
    spread = count * squares - total**2  # exactly variance * count**2
    return total / (255 * count), math.sqrt(spread) / (255 * count) or 1.0


def _parts(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Iterate over the images in chunks."""
    step = max(1, _AT_A_TIME // max(1, images[:1].size))
    return (images[start : start + step] for start in range(0, len(images), step))


def fingerprint(name: str, classes: tuple[str, ...], splits: Mapping[str, Split]) -> str:
    """Compute the fingerprint of a data set: the first 16 hexadecimal digits of a SHA-256.

    The fingerprint depends on the name, the classes, and the images and labels of each split.

    Args:
        name: Name of the data set.
        classes: Names of the classes.
        splits: Split name to split.
    """
    header = {
        "name": name,
        "classes": classes,
        "splits": {key: split.images.shape for key, split in splits.items()},
    }
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for key in sorted(splits):
        for part in _parts(splits[key].images):
            digest.update(np.ascontiguousarray(part).data)
        digest.update(splits[key].labels.astype("<i8").tobytes())
    return digest.hexdigest()[:16]
