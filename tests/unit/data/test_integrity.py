"""Tests of the checks of a split."""

import numpy as np
import pytest

from architectures import InputShape
from harness.data.dataset import Split
from harness.data.integrity import check_split
from harness.errors import DataError

SHAPE = InputShape(channels=1, height=4, width=4)
CLASSES = tuple("0123456789")


def test_a_valid_split_is_accepted(whole: Split) -> None:
    """A split with images of every class and one label per image is accepted."""
    check_split(whole, CLASSES, SHAPE, "the test split")


def replaced(labels: np.ndarray, old: int, new: int) -> np.ndarray:
    """Replace one label with another."""
    return np.where(labels == old, new, labels)


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (lambda x, y: Split(x[:-1], y), r"99 images, .* labels have the shape \(100,\)"),
        (lambda x, y: Split(x, y[:, None]), r"100 images, .* labels have the shape \(100, 1\)"),
        (lambda x, y: Split(x[:, 0], y), r"shape \(N, 1, 4, 4\), but have \(100, 4, 4\)"),
        (lambda x, y: Split(x[..., :3], y), r"shape \(N, 1, 4, 4\), but have \(100, 1, 4, 3\)"),
        (lambda x, y: Split(x, replaced(y, 9, 10)), "labels range from 0 to 10"),
        (lambda x, y: Split(x, replaced(y, 0, -1)), "labels range from -1 to 9"),
        (lambda x, y: Split(x, replaced(y, 3, 4)), "no images of class 3"),
        (lambda x, y: Split(x[:0], y[:0]), "no images$"),
        (lambda x, y: Split(x.astype(np.float32), y), "they are float32 and int64"),
        (lambda x, y: Split(x, y.astype(np.uint8)), "they are uint8 and uint8"),
    ],
)
def test_the_error_names_the_split_and_the_problem(whole: Split, broken: object, problem: str) -> None:
    """Each fault is an error that names the split and the fault."""
    assert callable(broken)
    with pytest.raises(DataError, match=f"^the test split: .*{problem}"):
        check_split(broken(whole.images, whole.labels), CLASSES, SHAPE, "the test split")
