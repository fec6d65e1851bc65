"""Data sets as values: plain arrays, so that neither torch nor Ray is needed to hold them."""

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

UNKNOWN_LICENCE = "not known to the harness: ask where the data came from"


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels.

    Attributes:
        images: uint8 (N, channels, height, width).
        labels: int64 (N,), from 0.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __reduce__(self) -> tuple[Any, ...]:
        """Images that lie in a file are sent to other processes of this machine as the path of it."""
        if self.mapped is not None:
            return _mapped, (self.mapped, self.labels)
        return Split, (self.images, self.labels)

    @property
    def mapped(self) -> str | None:
        """Path of the file that the images lie in, all of them and nothing else; None for images in memory."""
        images = self.images
        whole = isinstance(images, np.memmap) and isinstance(images.base, mmap.mmap)
        return str(images.filename) if whole and isinstance(images, np.memmap) else None

    def select(self, indices: NDArray[np.int64]) -> Split:
        """The examples at these indices, in their order."""
        return Split(self.images[indices], self.labels[indices])


def _mapped(path: str, labels: NDArray[np.int64]) -> Split:
    return Split(np.load(path, mmap_mode="r"), labels)


@dataclass(frozen=True, eq=False)
class UncutDataset:
    """A data set as its source delivers it: the training images are not yet cut.

    Attributes:
        name: of the data set.
        classes: names of the classes, in the order of their labels.
        shape: of one image.
        train: what train and validation are cut from.
        test: the test split; None where there is none, and one has to be cut.
        source: how the bytes came.
        sha256: hexadecimal SHA-256 of each raw file; empty where there are no files.
        licence: of the data, as far as it is known.
        notes: sentences on what was done to the data before they were cut.
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
    """Mean and standard deviation of each channel of the training images, on a scale from 0 to 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """All that the search phase may see of a data set: there is no test split in it.

    Attributes:
        name: of the data set.
        classes: names of the classes, in the order of their labels.
        shape: of one image.
        train: what is trained on.
        validation: what selects.
        normalisation: computed from the training images alone.
        fingerprint: hash of the data and of how it was cut.
    """

    name: str
    classes: tuple[str, ...]
    shape: InputShape
    train: Split
    validation: Split
    normalisation: Normalisation
    fingerprint: str


class SealedTest:
    """The test split, which opens in the confirm phase only."""

    def __init__(self, split: Split) -> None:
        self._split = split

    def open(self, phase: Phase) -> Split:
        """The test split.

        Raises:
            TestSplitSealedError: the phase is not confirm.
        """
        if phase is not Phase.CONFIRM:
            raise TestSplitSealedError(f"the test split was asked for in the {phase.value} phase")
        return self._split
