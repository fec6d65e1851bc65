"""The known wrong labels of MNIST's test set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.report.sections.errors.label_errors import MNIST_LABEL_ERRORS, check_is_mnist, without_label_errors

PREDICTIONS = Path(__file__).parents[4] / "reports" / "reference" / "predictions"


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """The true labels of MNIST's test set, as the published run wrote them."""
    with np.load(PREDICTIONS / "mlp-seed1.npz") as file:
        return file["labels"]


def test_the_known_errors_are_where_mnist_has_them(labels: np.ndarray) -> None:
    """All fifteen labels that people doubted are in the real test set at these places."""
    assert len(MNIST_LABEL_ERRORS) == 15
    assert {index: int(labels[index]) for index in MNIST_LABEL_ERRORS} == dict(MNIST_LABEL_ERRORS)
    check_is_mnist(labels)


def test_accuracy_without_the_errors_leaves_them_out_of_both_counts(labels: np.ndarray) -> None:
    """A model that misses all fifteen and 85 others has 99 % with them, and 85 of 9,985 wrong without."""
    correct = np.ones(10_000, dtype=bool)
    correct[list(MNIST_LABEL_ERRORS)] = False
    others = [index for index in range(100) if index not in MNIST_LABEL_ERRORS][:85]
    correct[others] = False
    found = without_label_errors(labels, {"net": {1: correct, 2: np.ones(10_000, dtype=bool)}})
    assert found["net"][0] == pytest.approx((0.99 + 1) / 2)
    assert found["net"][1] == pytest.approx((1 - 85 / 9985 + 1) / 2)


def test_a_model_of_the_published_run_gains(labels: np.ndarray) -> None:
    """A trained model misses most of the fifteen, as people do, so its accuracy is higher without them."""
    with np.load(PREDICTIONS / "mlp-seed1.npz") as file:
        correct = file["probabilities"].argmax(axis=1) == labels
    missed = sum(not correct[index] for index in MNIST_LABEL_ERRORS)
    before, after = without_label_errors(labels, {"mlp": {1: correct}})["mlp"]
    assert missed > len(MNIST_LABEL_ERRORS) / 2
    assert before == pytest.approx(correct.mean())
    assert after == pytest.approx(1 - (np.sum(~correct) - missed) / 9985)
    assert after > before


def test_another_order_is_refused(labels: np.ndarray) -> None:
    """Labels that are not at the known places are not MNIST's own order, and the report would be wrong."""
    with pytest.raises(ValueError, match="not the MNIST test set"):
        without_label_errors(np.roll(labels, 1), {})


def test_another_size_is_refused(labels: np.ndarray) -> None:
    """A part of the test set, or another one, is refused before anything is left out."""
    with pytest.raises(ValueError, match="got 5000"):
        check_is_mnist(labels[:5000])
