"""Tests of the train and validation splits, of normalisation and of fingerprints."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.dataset import Split
from harness.data.splits import (
    check_sizes,
    cut_train_and_validation,
    fingerprint,
    normalisation,
    stratified_cut,
)
from harness.errors import DataError

CLASSES = tuple("0123456789")


def numbered(labels: np.ndarray) -> Split:
    """Create a split in which the only pixel of each image is its index."""
    return Split(np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1), labels.astype(np.int64))


def cut(whole: Split, *sizes: int | None) -> tuple[Split, Split]:
    """Split into train and validation."""
    train, validation = cut_train_and_validation(whole.labels, *sizes)
    return whole.select(train), whole.select(validation)


def indices(split: Split) -> list[int]:
    """Return the indices in the images of a numbered split."""
    return [int(index) for index in split.images.ravel()]


@given(size=st.integers(10, 190), seed=st.integers(0, 2**32 - 1))
def test_every_image_is_in_one_split_in_order(size: int, seed: int) -> None:
    """Every image is in exactly one split, in the order of the data set, with its label."""
    whole = numbered(np.arange(200) % 10)
    train, validation = cut(whole, 10, size, None, seed)
    assert len(validation) == size
    assert sorted(indices(train) + indices(validation)) == list(range(200))
    for split in (train, validation):
        assert indices(split) == sorted(indices(split))
        assert np.array_equal(split.labels, np.array(indices(split)) % 10)


def test_every_class_keeps_its_share() -> None:
    """Each class has the same share of both splits as of the data set, to the nearest image."""
    labels = np.repeat([0, 1, 2], [20, 60, 120])
    train, validation = cut(numbered(labels), 3, 50, 100, 0)
    assert np.bincount(validation.labels).tolist() == [5, 15, 30]
    assert np.bincount(train.labels).tolist() == [10, 30, 60]


def test_the_seed_determines_the_split() -> None:
    """The same seed gives the same split, and another seed gives another split."""
    labels = np.arange(200) % 10
    first, again, other = (stratified_cut(labels, 50, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_the_split_is_the_same_on_every_machine() -> None:
    """The split does not depend on the platform or on versions of libraries."""
    _, taken = stratified_cut(np.arange(1000) % 10, 100, 0)
    assert hashlib.sha256(taken.astype("<i8").tobytes()).hexdigest()[:16] == "230bf71925dc1375"


@pytest.mark.parametrize("train_size", [10, 60, 140, 150, None])
def test_validation_does_not_depend_on_train_size(train_size: int | None) -> None:
    """Less training data gives the same validation images, and they are never trained on."""
    whole = numbered(np.arange(200) % 10)
    train, validation = cut(whole, 10, 50, train_size, 3)
    _, reference = cut(whole, 10, 50, None, 3)
    assert len(train) == (train_size or 150)
    assert indices(validation) == indices(reference)
    assert not set(indices(train)) & set(indices(validation))


@pytest.mark.parametrize(
    ("validation_size", "train_size", "problem"),
    [
        (60_000, None, "dataset.validation_size: .*60000 of 60000 .* choose 10 to 59990"),
        (70_000, None, "dataset.validation_size"),
        (9, None, "dataset.validation_size: .* 9 of"),
        (59_991, None, "dataset.validation_size"),
        (5000, 9, "dataset.train_size: .* 9 of the 55000 .* choose 10 to 54990, or omit the key to use all 55000"),
        (5000, 54_991, "dataset.train_size: .* 54991"),
        (5000, 55_001, "dataset.train_size: .* 55001"),
        (59_985, 10, "dataset.train_size: .* 10 of the 15 .* so omit the key to use all 15"),
    ],
)
def test_impossible_sizes_are_refused(validation_size: int, train_size: int | None, problem: str) -> None:
    """The error names the key, the impossible size and the possible sizes."""
    with pytest.raises(DataError, match=problem):
        check_sizes(60_000, 10, validation_size, train_size)


def test_splitting_checks_the_sizes(whole: Split) -> None:
    """The sizes are checked before the images are split."""
    with pytest.raises(DataError, match="validation_size"):
        cut(whole, 10, 100, None, 0)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 70), st.none() | st.integers(0, 70))))
def test_accepted_sizes_are_exact(sizes: tuple[int, int, int | None]) -> None:
    """If sizes are accepted, the splits have exactly these sizes."""
    images, validation_size, train_size = sizes
    labels = np.arange(3 * images) % 3
    try:
        check_sizes(len(labels), 3, validation_size, train_size)
    except DataError:
        return
    train, validation = cut(numbered(labels), 3, validation_size, train_size, 0)
    assert (len(train), len(validation)) == (train_size or len(labels) - validation_size, validation_size)


def test_a_class_with_a_single_image_cannot_be_split(whole: Split) -> None:
    """A class with too few images for two splits is a DataError of one sentence."""
    with pytest.raises(DataError, match="30 of 100 images is not possible"):
        stratified_cut(whole.labels, 30, 0)


def test_normalisation_is_mean_and_std_of_each_channel() -> None:
    """Mean and standard deviation of each channel equal those of numpy, on a scale from 0 to 1."""
    images = np.random.default_rng(0).integers(0, 256, (50, 3, 7, 5), dtype=np.uint8)
    images[:, 1] //= 2
    found = normalisation(images)
    scaled = images / 255
    assert found.mean == pytest.approx(scaled.mean(axis=(0, 2, 3)), rel=1e-12)
    assert found.std == pytest.approx(scaled.std(axis=(0, 2, 3)), rel=1e-12)


def test_constant_channel_has_std_one() -> None:
    """The standard deviation of a constant channel is 1, so that it can be a divisor."""
    found = normalisation(np.full((4, 1, 2, 2), 51, dtype=np.uint8))
    assert found.mean == (0.2,)
    assert found.std == (1.0,)


def test_fingerprint_is_stable(whole: Split) -> None:
    """The fingerprint of known data equals the recorded one."""
    tiny = Split(np.zeros((1, 1, 1, 1), dtype=np.uint8), np.zeros(1, dtype=np.int64))
    assert fingerprint("tiny", ("a",), {"train": tiny}) == "49016f31b27017ff"


def test_every_change_changes_the_fingerprint(whole: Split) -> None:
    """A change of a pixel, label, order, shape, name, class or split changes the fingerprint."""
    half, rest = whole.select(np.arange(50)), whole.select(np.arange(50, 100))
    brighter, relabelled = half.images.copy(), half.labels.copy()
    brighter[7, 0, 1, 1] ^= 1
    relabelled[7] = (relabelled[7] + 1) % 10
    variants = [
        ("x", CLASSES, {"train": half, "validation": rest}),
        ("y", CLASSES, {"train": half, "validation": rest}),
        ("x", CLASSES[::-1], {"train": half, "validation": rest}),
        ("x", CLASSES, {"train": rest, "validation": half}),
        (
            "x",
            CLASSES,
            {"train": whole.select(np.arange(51)), "validation": whole.select(np.arange(51, 100))},
        ),
        ("x", CLASSES, {"train": half.select(np.arange(50)[::-1]), "validation": rest}),
        ("x", CLASSES, {"train": Split(brighter, half.labels), "validation": rest}),
        ("x", CLASSES, {"train": Split(half.images, relabelled), "validation": rest}),
        ("x", CLASSES, {"train": Split(half.images.reshape(50, 1, 2, 8), half.labels), "validation": rest}),
    ]
    assert len({fingerprint(*variant) for variant in variants}) == len(variants)


def test_fingerprint_ignores_memory_layout(whole: Split) -> None:
    """The memory layout of the images does not change the fingerprint."""
    strided = Split(np.asfortranarray(whole.images), whole.labels)
    assert fingerprint("x", CLASSES, {"train": strided}) == fingerprint("x", CLASSES, {"train": whole})
