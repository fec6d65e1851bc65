"""Accuracy without the known label errors of the MNIST test set.

Northcutt, Athalye and Mueller, "Pervasive Label Errors in Test Sets Destabilize Machine Learning
Benchmarks" (2021, arXiv 2103.14749), used an algorithm to find suspicious labels and showed these
images to five people each. Here, a label is an error if fewer than three of the five confirmed it.
The data are from github.com/cleanlab/label-errors, `mturk/mnist_mturk.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from harness.report.findings import Findings

# Index in the original order of the test set, and the label in the data set.
MNIST_LABEL_ERRORS: Mapping[int, int] = MappingProxyType(
    {
        947: 8,
        1621: 0,
        1901: 9,
        2130: 4,
        2462: 2,
        2597: 5,
        2654: 6,
        3520: 6,
        3558: 5,
        5937: 5,
        6651: 0,
        6783: 1,
        8527: 4,
        9679: 6,
        9729: 5,
    }
)
MNIST_TEST_IMAGES = 10_000
MNIST_TEST_LABELS = "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"  # SHA-256 of their raw file


def label_errors(findings: Findings) -> Mapping[str, tuple[float, float]]:
    """Compute mean test accuracies with and without label errors. Empty if no errors are known."""
    run = findings.run
    if MNIST_TEST_LABELS not in run.environment.dataset.sha256.values() or not findings.correct:
        return {}
    return without_label_errors(next(iter(run.predictions.values())).labels, findings.correct)


def without_label_errors(
    labels: npt.NDArray[np.int64], correct: Mapping[str, Mapping[int, npt.NDArray[np.bool_]]]
) -> dict[str, tuple[float, float]]:
    """Compute the mean accuracy of each architecture with and without the label errors.

    Args:
        labels: Labels of the MNIST test set, of shape (N,).
        correct: For each architecture and seed, whether the model classified each test image
            correctly, bool of shape (N,).

    Raises:
        ValueError: The labels are not those of the MNIST test set in its original order.
    """
    check_is_mnist(labels)
    sound = np.ones(len(labels), dtype=bool)
    sound[list(MNIST_LABEL_ERRORS)] = False
    return {
        name: (
            fmean([float(right.mean()) for right in seeds.values()]),
            fmean([float(right[sound].mean()) for right in seeds.values()]),
        )
        for name, seeds in correct.items()
    }


def check_is_mnist(labels: npt.NDArray[np.int64]) -> None:
    """Check that the labels are those of the MNIST test set in its original order.

    Raises:
        ValueError: They are not.
    """
    if len(labels) != MNIST_TEST_IMAGES:
        raise ValueError(f"the MNIST test set has {MNIST_TEST_IMAGES} labels, got {len(labels)}; pass all labels")
    for index, given in MNIST_LABEL_ERRORS.items():
        if labels[index] != given:
            raise ValueError(
                f"label {index} is {labels[index]} instead of {given}, so this is not the MNIST test set in its "
                "original order; do not compute accuracies without label errors for it"
            )
