"""Loading, checking and splitting of the data set that a study names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import SealedTest, Split, TrainingData, UncutDataset
from harness.data.duplicates import repeated_test_images
from harness.data.integrity import check_split
from harness.data.sources.decoded import select_mapped
from harness.data.sources.digits import load_digits
from harness.data.sources.idx_folder import is_idx_folder, load_idx_folder
from harness.data.sources.image_folder import load_image_folder
from harness.data.sources.mnist import load_mnist
from harness.data.sources.npz import load_npz
from harness.data.sources.torchvision_sets import TORCHVISION_SETS, load_torchvision_set
from harness.data.splits import cut_train_and_validation, fingerprint, normalisation, stratified_cut
from harness.errors import Argument, DataError
from harness.records.dataset import Dataset
from harness.study import DatasetStudy, Size


@dataclass(frozen=True, eq=False)
class LoadedDataset:
    """A data set that was checked and split.

    Attributes:
        training: The train and validation splits.
        test: The test split, which can be read in the confirm phase only.
        provenance: Facts about the data set that are recorded with the run.
    """

    training: TrainingData
    test: SealedTest
    provenance: Dataset

    @property
    def bytes_in_memory(self) -> int:
        """Bytes of image data to send to each other process; 0 for images mapped from a file."""
        if self.training.train.mapped is not None:
            return 0
        counted = self.provenance.train + self.provenance.validation + self.provenance.test
        return counted * self.training.shape.pixels


def load_dataset(study: DatasetStudy, data_dir: Path | None, in_memory: bool = False) -> LoadedDataset:
    """Load the data set of a study.

    Args:
        study: Name or path of the data set, and sizes of the splits.
        data_dir: Folder with the raw files of a built-in data set. Missing files are downloaded to
            it. None for the user's cache.
        in_memory: Whether to load all images into memory. Other machines cannot read a file of
            this machine.

    Raises:
        DataError: If the data cannot be found or downloaded, is damaged, or cannot be split as
            the study specifies.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise DataError(
            Argument("data_dir", data_dir), ": the folder does not exist; create it to store the data there"
        )
    whole = _known(study.name, data_dir) if study.path is None else _own(study, Path(study.path), in_memory)
    return prepare(whole, study)


def prepare(dataset: UncutDataset, study: DatasetStudy) -> LoadedDataset:
    """Check a data set and split it.

    Raises:
        DataError: If the data is inconsistent or cannot be split as the study specifies.
    """
    name, classes, shape = dataset.name, dataset.classes, dataset.shape
    check_split(dataset.train, classes, shape, f"the training images of {name}")
    whole, test, notes = _with_test(dataset, study)
    check_split(test, classes, shape, f"the test split of {name}")
    validation_size = _number(study.validation_size, len(whole))
    train_size = None if study.train_size is None else _number(study.train_size, len(whole))
    train_indices, validation_indices = cut_train_and_validation(
        whole.labels, len(classes), validation_size, train_size, study.split_seed
    )
    train, validation = _cut(whole, train_indices, "train"), _cut(whole, validation_indices, "validation")
    check_split(train, classes, shape, f"the train split of {name} with {len(train)} images")
    check_split(validation, classes, shape, f"the validation split of {name} with {len(validation)} images")
    if study.path is not None:
        notes += repeated_test_images((train, validation), test)
    identity = fingerprint(name, classes, {"train": train, "validation": validation, "test": test})
    counts = [np.bincount(split.labels, minlength=len(classes)).tolist() for split in (train, validation, test)]
    return LoadedDataset(
        training=TrainingData(
            name=name,
            classes=classes,
            shape=shape,
            train=train,
            validation=validation,
            normalisation=normalisation(train.images),
            fingerprint=identity,
        ),
        test=SealedTest(test),
        provenance=Dataset(
            name=name,
            source=dataset.source,
            sha256=dataset.sha256,
            train=len(train),
            validation=len(validation),
            test=len(test),
            fingerprint=identity,
            classes=classes,
            shape=(shape.channels, shape.height, shape.width),
            licence=dataset.licence,
            notes=notes,
            class_sizes=tuple(zip(*counts, strict=True)),
        ),
    )


def _with_test(dataset: UncutDataset, study: DatasetStudy) -> tuple[Split, Split, tuple[str, ...]]:
    """Return the examples for train and validation, the test split, and notes for the report."""
    if dataset.test is not None:
        return dataset.train, _contiguous(dataset.test), dataset.notes
    images = len(dataset.train)
    size = _number(study.test_size, images)
    least = len(dataset.classes)
    if not least <= size <= images - 2 * least:
        raise DataError(
            f"dataset.test_size: a split of {size} of {images} images is not possible; each of the {least} classes "
            f"needs one test image and two others, so choose {least} to {images - 2 * least}"
        )
    rest, taken = stratified_cut(dataset.train.labels, size, study.split_seed)
    note = (
        f"The data set has no test split, so {size:,} of {images:,} images were set aside for it first, "
        f"stratified by class, with seed {study.split_seed}."
    )
    return _cut(dataset.train, rest, "rest"), _cut(dataset.train, taken, "test"), (*dataset.notes, note)


def _number(size: Size, images: int) -> int:
    """Convert a size, given as a number of images or as a fraction, to a number of images.

    >>> _number(0.2, 101), _number(7, 101)
    (20, 7)
    """
    return size if isinstance(size, int) else max(1, round(size * images))


def _cut(whole: Split, indices: NDArray[np.int64], name: str) -> Split:
    return _contiguous(whole.select(indices)) if whole.mapped is None else select_mapped(whole, indices, name)


def _contiguous(split: Split) -> Split:
    if split.mapped is not None:
        return split
    return Split(np.ascontiguousarray(split.images), np.ascontiguousarray(split.labels))


_BUILT_IN: Mapping[str, Callable[[Path | None], UncutDataset]] = {
    "mnist": load_mnist,
    "digits": lambda _: load_digits(),
}


def _known(name: str, data_dir: Path | None) -> UncutDataset:
    if name in TORCHVISION_SETS:
        return load_torchvision_set(name, data_dir)
    return _BUILT_IN[name](data_dir)


def _own(study: DatasetStudy, path: Path, in_memory: bool) -> UncutDataset:
    """Load the user's images, in the format found at the path."""
    if path.is_file() and path.suffix == ".npz":
        found = load_npz(path)
    elif path.is_dir() and is_idx_folder(path):
        found = load_idx_folder(path)
    elif path.is_dir():
        found = load_image_folder(path, study.image_size, in_memory)
    else:
        what = "it is not an .npz file" if path.exists() else "it does not exist"
        raise DataError(
            f"dataset.path {path}: {what}; give a folder with one subfolder of images per class, an .npz file with "
            "'images' and 'labels', or a folder of IDX files"
        )
    return replace(found, name=study.name)
