"""Types for data sets: plain NumPy arrays, which need neither torch nor Ray."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from architectures import InputShape
from harness.errors import TestSplitSealedError
from harness.records.trial import Phase

UNKNOWN_LICENCE = "unknown; check the source of the data"


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels.

    Attributes:
        images: uint8 (N, channels, height, width).
        labels: int64 (N,). The first class is 0.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle memory-mapped images as the path of their file, for processes on this machine."""
        if self.mapped is not None:
            return _mapped, (self.mapped, self.labels)
        return Split, (self.images, self.labels)

    @property
    def mapped(self) -> str | None:
        """Path of the file that contains exactly these images; None for images in memory."""
        images = self.images
        whole = isinstance(images, np.memmap) and isinstance(images.base, mmap.mmap)
        return str(images.filename) if whole and isinstance(images, np.memmap) else None

    def select(self, indices: NDArray[np.int64]) -> Split:
        """Return the examples at these indices, in the order of the indices."""
        return Split(self.images[indices], self.labels[indices])


def _mapped(path: str, labels: NDArray[np.int64]) -> Split:
    return Split(np.load(path, mmap_mode="r"), labels)


@dataclass(frozen=True, eq=False)
class UncutDataset:
    """A data set from its source, before it is split into train and validation.

    Attributes:
        name: Name of the data set.
        classes: Names of the classes, in the order of their labels.
        shape: Shape of one image.
        train: Examples for the train and validation splits.
        test: The test split; None if the source has none.
        source: Where the data came from.
        sha256: Hexadecimal SHA-256 of each raw file, by file name; empty if there are no raw files.
        licence: Licence of the data.
        notes: Sentences for the report that describe how the source prepared the data.
    """

    name: str
    classes: tuple[str, ...]
    shape: InputShape
    train: Split
    test: Split | None
    source: str
    sha256: Mapping[str, str]
    licence: str = UNKNOWN_LICENCE
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel of the training images (pixels from 0 to 1)."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The train and validation splits of a data set, without the test split.

    Attributes:
        name: Name of the data set.
        classes: Names of the classes, in the order of their labels.
        shape: Shape of one image.
        train: Examples for training.
        validation: Examples for early stopping and selection.
        normalisation: Statistics of the train split only.
        fingerprint: Hash of the data and of all three splits.
    """

    name: str
    classes: tuple[str, ...]
    shape: InputShape
    train: Split
    validation: Split
    normalisation: Normalisation
    fingerprint: str


class SealedTest:
    """The test split, which can be read in the confirm phase only."""

    def __init__(self, split: Split) -> None:
        self._split = split

    def open(self, phase: Phase) -> Split:
        """Return the test split.

        Raises:
            TestSplitSealedError: If the phase is not confirm.
        """
        if phase is not Phase.CONFIRM:
            raise TestSplitSealedError(
                f"the {phase.value} phase tried to read the test split; only the confirm phase may read it"
            )
        return self._split
