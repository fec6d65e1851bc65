"""Tests of loading the data set of a study: checks, splits and sealing."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from architectures import InputShape
from harness.data import load_dataset
from harness.data.dataset import UNKNOWN_LICENCE, Split, UncutDataset
from harness.data.loading import prepare
from harness.data.splits import normalisation
from harness.errors import DataError
from harness.records.trial import Phase
from harness.study import DatasetStudy

STUDY = DatasetStudy(name="mnist", validation_size=20)


@pytest.fixture
def uncut() -> UncutDataset:
    """60 training and 20 test images (2, 4, 4) of ten classes."""
    generator = np.random.default_rng(0)

    def split(size: int) -> Split:
        images = generator.integers(0, 256, (size, 2, 4, 4), dtype=np.uint8)
        return Split(images, np.arange(size, dtype=np.int64) % 10)

    return UncutDataset(
        name="tiny",
        classes=tuple("abcdefghij"),
        shape=InputShape(2, 4, 4),
        train=split(60),
        test=split(20),
        source="memory",
        sha256={"file": "00"},
    )


def test_mnist_is_loaded_with_the_sizes_of_the_study(cache: Path, raw_files: dict[str, bytes]) -> None:
    """The splits have the sizes of the study, and the test split is that of the raw files."""
    cache.mkdir()
    for name, content in raw_files.items():
        (cache / name).write_bytes(content)
    loaded = load_dataset(STUDY.model_copy(update={"train_size": 30}), None)
    assert (len(loaded.training.train), len(loaded.training.validation)) == (30, 20)
    assert loaded.training.shape == InputShape(1, 28, 28)
    test = loaded.test.open(Phase.CONFIRM)
    assert test.images.tobytes() == raw_files["t10k-images-idx3-ubyte"][16:]
    assert loaded.provenance.source == "cache"


def test_digits_does_not_use_the_cache(cache: Path) -> None:
    """Digits is loaded from scikit-learn without the cache."""
    loaded = load_dataset(DatasetStudy(name="digits", validation_size=300), None)
    assert loaded.training.name == "digits"
    assert loaded.training.shape == InputShape(1, 8, 8)
    assert loaded.training.classes == tuple("0123456789")
    sizes = (loaded.provenance.train, loaded.provenance.validation, loaded.provenance.test)
    assert sizes == (1137, 300, 360)
    assert loaded.provenance.source == "scikit-learn"
    assert not cache.exists()


def test_digits_refuses_the_validation_size_of_mnist() -> None:
    """The error for an impossible size is one sentence with the possible sizes."""
    with pytest.raises(DataError, match=r"validation_size: .*5000 of 1437 .* choose 10 to 1427"):
        load_dataset(DatasetStudy(name="digits"), None)


def test_normalisation_sees_only_the_train_split(uncut: UncutDataset) -> None:
    """Mean and standard deviation are computed from the train split only."""
    loaded = prepare(uncut, STUDY)
    assert loaded.training.normalisation == normalisation(loaded.training.train.images)
    assert loaded.training.normalisation != normalisation(uncut.train.images)


def test_provenance_is_plain_json(uncut: UncutDataset) -> None:
    """Provenance survives JSON and describes the data set."""
    loaded = prepare(uncut, STUDY)
    written = json.loads(json.dumps(loaded.provenance.model_dump(mode="json")))
    assert written == {
        "name": "tiny",
        "source": "memory",
        "sha256": {"file": "00"},
        "train": 40,
        "validation": 20,
        "test": 20,
        "fingerprint": loaded.training.fingerprint,
        "classes": list("abcdefghij"),
        "shape": [2, 4, 4],
        "licence": UNKNOWN_LICENCE,
        "notes": [],
        "class_sizes": [[4, 2, 2]] * 10,
    }


def test_fingerprint_depends_on_data_and_splits_but_not_on_the_source(uncut: UncutDataset) -> None:
    """Other splits or another test split change the fingerprint. Another source does not."""
    dimmed = Split(uncut.test.images // 2, uncut.test.labels)
    prints = [
        prepare(uncut, study).training.fingerprint
        for study in (
            STUDY,
            STUDY.model_copy(update={"split_seed": 1}),
            STUDY.model_copy(update={"validation_size": 30}),
            STUDY.model_copy(update={"train_size": 30}),
        )
    ]
    prints.append(prepare(replace(uncut, test=dimmed), STUDY).training.fingerprint)
    assert len(set(prints)) == 5
    assert prepare(replace(uncut, source="elsewhere", sha256={}), STUDY).training.fingerprint == prints[0]


def test_arrays_are_contiguous(uncut: UncutDataset) -> None:
    """Images are C-contiguous, whatever the memory layout of the source."""
    strided = Split(np.asfortranarray(uncut.train.images), uncut.train.labels)
    loaded = prepare(replace(uncut, train=strided, test=strided), STUDY)
    for split in (loaded.training.train, loaded.training.validation, loaded.test.open(Phase.CONFIRM)):
        assert split.images.flags.c_contiguous


@pytest.mark.parametrize("which", ["train", "test"])
def test_faulty_data_is_refused_before_it_is_split(uncut: UncutDataset, which: str) -> None:
    """The error says whether the fault is in the training images or in the test split."""
    split = getattr(uncut, which)
    faulty = Split(split.images, np.where(split.labels == 4, 10, split.labels))
    with pytest.raises(DataError, match=f"^the {which}.* of tiny: labels range from 0 to 10"):
        prepare(replace(uncut, **{which: faulty}), STUDY)


def test_images_without_a_channel_are_refused(uncut: UncutDataset) -> None:
    """Images that are not (N, channels, height, width) are a DataError."""
    flat = Split(uncut.train.images[:, 0], uncut.train.labels)
    with pytest.raises(
        DataError, match=r"the training images of tiny: images must have the shape .* have \(60, 4, 4\)"
    ):
        prepare(replace(uncut, train=flat), STUDY)


def test_a_split_without_images_of_a_class_is_refused(uncut: UncutDataset) -> None:
    """The error names the split and the class that has no images in it."""
    labels = np.concatenate([np.arange(10), np.arange(10), np.zeros(40)]).astype(np.int64)
    rare = Split(uncut.train.images, labels)
    with pytest.raises(DataError, match="the validation split of tiny with 10 images: it contains no images of class"):
        prepare(replace(uncut, train=rare), STUDY.model_copy(update={"validation_size": 10}))


def test_loaded_dataset_pickles(uncut: UncutDataset) -> None:
    """A data set can be sent to another process. Its test split stays sealed."""
    loaded = prepare(uncut, STUDY)
    again = pickle.loads(pickle.dumps(loaded))
    assert again.training.fingerprint == loaded.training.fingerprint
    assert np.array_equal(again.test.open(Phase.CONFIRM).images, loaded.test.open(Phase.CONFIRM).images)


def test_data_is_loaded_without_torch_and_ray() -> None:
    """Loading without a download imports neither torch nor Ray, which take seconds."""
    code = (
        "import sys; from harness.data import load_dataset; from harness.study import DatasetStudy; "
        "load_dataset(DatasetStudy(name='digits', validation_size=300), None); "
        "sys.exit(bool({'torch', 'torchvision', 'ray'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.network
def test_downloaded_mnist_has_its_known_numbers(tmp_path: Path) -> None:
    """MNIST in an empty folder is downloaded and has its known sizes and fingerprint."""
    loaded = load_dataset(DatasetStudy(), tmp_path)
    assert (len(loaded.training.train), len(loaded.training.validation)) == (55_000, 5_000)
    test = loaded.test.open(Phase.CONFIRM)
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert loaded.training.normalisation.mean == pytest.approx([0.1307], abs=3e-4)
    assert loaded.training.normalisation.std == pytest.approx([0.3081], abs=3e-4)
    assert loaded.training.fingerprint == "6ec193921f8e072d"
    assert load_dataset(DatasetStudy(), tmp_path).provenance.source == "data-dir"
