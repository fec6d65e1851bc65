"""From the study's words to a data set that is checked, cut and sealed."""

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
    """A data set, ready for use.

    Attributes:
        training: all that the search phase may see.
        test: the test split, which opens in the confirm phase only.
        provenance: where it came from.
    """

    training: TrainingData
    test: SealedTest
    provenance: Dataset

    @property
    def bytes_in_memory(self) -> int:
        """Size of the images that other processes are sent; those in a file are not."""
        if self.training.train.mapped is not None:
            return 0
        counted = self.provenance.train + self.provenance.validation + self.provenance.test
        return counted * self.training.shape.pixels


def load_dataset(study: DatasetStudy, data_dir: Path | None, in_memory: bool = False) -> LoadedDataset:
    """The data set of a study.

    Args:
        study: which, and how it is cut.
        data_dir: folder that holds the raw files of a known data set or shall receive them; None for the user's cache.
        in_memory: whether the images must not stay in a file of this machine, since others need them.

    Raises:
        DataError: the data cannot be had, is not what it claims to be, or cannot be cut as the study asks.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise DataError(
            Argument("data_dir", data_dir), ": there is no such folder; make it to have the data stored there"
        )
    whole = _known(study.name, data_dir) if study.path is None else _own(study, Path(study.path), in_memory)
    return prepare(whole, study)


def prepare(dataset: UncutDataset, study: DatasetStudy) -> LoadedDataset:
    """Check, cut and seal a data set.

    Raises:
        DataError: the data is not what it claims to be, or cannot be cut as the study asks.
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
    check_split(train, classes, shape, f"the train split of {name}, cut to {len(train)}")
    check_split(validation, classes, shape, f"the validation split of {name}, cut to {len(validation)}")
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
    """What train and validation are cut from, the test split, and what there is to say of it."""
    if dataset.test is not None:
        return dataset.train, _contiguous(dataset.test), dataset.notes
    images = len(dataset.train)
    size = _number(study.test_size, images)
    least = len(dataset.classes)
    if not least <= size <= images - 2 * least:
        raise DataError(
            f"dataset.test_size: {size} of {images} images cannot be cut with at least one of each of the {least} "
            f"classes for the test and two for the rest; choose {least} to {images - 2 * least}"
        )
    rest, taken = stratified_cut(dataset.train.labels, size, study.split_seed)
    note = (
        f"There was no test split: {size:,} of {images:,} images were cut for it before everything else, stratified, "
        f"with seed {study.split_seed}."
    )
    return _cut(dataset.train, rest, "rest"), _cut(dataset.train, taken, "test"), (*dataset.notes, note)


def _number(size: Size, images: int) -> int:
    """A size as a number of images.

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
    """Images of a user's own, by what lies at the path."""
    if path.is_file() and path.suffix == ".npz":
        found = load_npz(path)
    elif path.is_dir() and is_idx_folder(path):
        found = load_idx_folder(path)
    elif path.is_dir():
        found = load_image_folder(path, study.image_size, in_memory)
    else:
        what = "is no .npz file" if path.exists() else "does not exist"
        raise DataError(
            f"dataset.path {path}: {what}; name a folder with one folder of images for each class, an .npz with "
            "'images' and 'labels', or a folder of IDX files"
        )
    return replace(found, name=study.name)
