"""How the training images are cut into train and validation, and what follows from the cut."""

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
    """Indices of train and validation, stratified: every class keeps its share, to the nearest image.

    The validation split does not depend on `train_size`. Both are ascending.

    Args:
        labels: (N,) of what is cut.
        classes: how many there are.
        validation_size: images in the validation split.
        train_size: images in the train split; None for all that validation leaves.
        seed: of both cuts.

    Raises:
        DataError: the sizes leave a split, or what a cut leaves over, with fewer images than classes.
    """
    check_sizes(len(labels), classes, validation_size, train_size)
    rest, validation = stratified_cut(labels, validation_size, seed)
    if train_size is not None and train_size < len(rest):
        _, chosen = stratified_cut(labels[rest], train_size, seed)
        rest = rest[chosen]
    return rest, validation


def check_sizes(images: int, classes: int, validation_size: int, train_size: int | None) -> None:
    """Accept sizes that a stratified cut of so many images can have.

    Raises:
        DataError: it cannot; the message says which sizes it can.
    """
    largest = images - classes
    if not classes <= validation_size <= largest:
        raise DataError(
            f"dataset.validation_size: {validation_size} of {images} training images cannot be cut with at "
            f"least one of each of the {classes} classes on both sides; choose {classes} to {largest}"
        )
    remaining = images - validation_size
    if train_size is None or train_size == remaining or classes <= train_size <= remaining - classes:
        return
    raise DataError(
        f"dataset.train_size: {train_size} of the {remaining} images that validation leaves cannot be cut "
        f"with at least one of each of the {classes} classes on both sides; "
        + (f"choose {classes} to {remaining - classes}, or " if remaining >= 2 * classes else "")
        + f"leave it out for all {remaining}"
    )


def stratified_cut(labels: NDArray[np.int64], size: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of what remains, and of `size` examples in which every class has its share; both ascending.

    Raises:
        DataError: a class has a single example, which cannot be on both sides.
    """
    # Here, because it takes more than a second that nobody needs who only handles the values.
    from sklearn.model_selection import train_test_split

    try:
        rest, taken = train_test_split(np.arange(len(labels)), test_size=size, random_state=seed, stratify=labels)
    except ValueError as error:
        raise DataError(f"{size} of {len(labels)} examples cannot be cut stratified: {error}") from None
    return np.sort(rest), np.sort(taken)


def normalisation(images: NDArray[np.uint8]) -> Normalisation:
    """Mean and standard deviation of each channel of images (N, channels, height, width).

    They are computed in whole numbers, so that they are the same on every machine. A channel without
    variation gets the standard deviation 1, so that it can be divided by.

    >>> normalisation(np.array([0, 255], dtype=np.uint8).reshape(2, 1, 1, 1))
    Normalisation(mean=(0.5,), std=(0.5,))
    """
    channels = [_mean_and_std(images[:, channel]) for channel in range(images.shape[1])]
    return Normalisation(mean=tuple(mean for mean, _ in channels), std=tuple(std for _, std in channels))


def _mean_and_std(channel: NDArray[np.uint8]) -> tuple[float, float]:
    count = channel.size
    total = squares = 0
    for part in _parts(channel):  # squares of all at once would need twice the memory of the images
        total += int(part.sum(dtype=np.int64))
        squares += int(np.square(part, dtype=np.uint16).sum(dtype=np.int64))
    spread = count * squares - total**2  # variance times count squared, exact
    return total / (255 * count), math.sqrt(spread) / (255 * count) or 1.0


def _parts(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """The images, some at a time."""
    step = max(1, _AT_A_TIME // max(1, images[:1].size))
    return (images[start : start + step] for start in range(0, len(images), step))


def fingerprint(name: str, classes: tuple[str, ...], splits: Mapping[str, Split]) -> str:
    """First 16 hexadecimal digits of a SHA-256 of all that a data set is once it is cut.

    Args:
        name: of the data set.
        classes: names of the classes.
        splits: name of each split to its content.
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
