"""Tests of the known label errors of the MNIST test set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.report.sections.errors.label_errors import MNIST_LABEL_ERRORS, check_is_mnist, without_label_errors

PREDICTIONS = Path(__file__).parents[4] / "reports" / "reference" / "predictions"


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """True labels of the MNIST test set, from the published run."""
    with np.load(PREDICTIONS / "mlp-seed1.npz") as file:
        return file["labels"]


def test_the_known_label_errors_match_mnist(labels: np.ndarray) -> None:
    """All fifteen known label errors are at these indices of the MNIST test set."""
    assert len(MNIST_LABEL_ERRORS) == 15
    assert {index: int(labels[index]) for index in MNIST_LABEL_ERRORS} == dict(MNIST_LABEL_ERRORS)
    check_is_mnist(labels)


def test_accuracy_without_label_errors_excludes_them_from_both_counts(labels: np.ndarray) -> None:
    """Without the label errors, 85 errors in 9,985 images remain of 100 errors in 10,000."""
    correct = np.ones(10_000, dtype=bool)
    correct[list(MNIST_LABEL_ERRORS)] = False
    others = [index for index in range(100) if index not in MNIST_LABEL_ERRORS][:85]
    correct[others] = False
    found = without_label_errors(labels, {"net": {1: correct, 2: np.ones(10_000, dtype=bool)}})
    assert found["net"][0] == pytest.approx((0.99 + 1) / 2)
    assert found["net"][1] == pytest.approx((1 - 85 / 9985 + 1) / 2)


def test_a_published_model_has_a_higher_accuracy_without_label_errors(labels: np.ndarray) -> None:
    """A model misclassifies most of these images, so its accuracy without them is higher."""
    with np.load(PREDICTIONS / "mlp-seed1.npz") as file:
        correct = file["probabilities"].argmax(axis=1) == labels
    missed = sum(not correct[index] for index in MNIST_LABEL_ERRORS)
    before, after = without_label_errors(labels, {"mlp": {1: correct}})["mlp"]
    assert missed > len(MNIST_LABEL_ERRORS) / 2
    assert before == pytest.approx(correct.mean())
    assert after == pytest.approx(1 - (np.sum(~correct) - missed) / 9985)
    assert after > before


def test_another_order_is_refused(labels: np.ndarray) -> None:
    """Labels in another order than in MNIST are an error. The result would be wrong."""
    with pytest.raises(ValueError, match="not the MNIST test set"):
        without_label_errors(np.roll(labels, 1), {})


def test_another_size_is_refused(labels: np.ndarray) -> None:
    """A part of the test set, or another test set, is an error."""
    with pytest.raises(ValueError, match="got 5000"):
        check_is_mnist(labels[:5000])
