"""Accuracy without the known wrong labels of MNIST's test set.

Northcutt, Athalye and Mueller, "Pervasive Label Errors in Test Sets Destabilize Machine Learning Benchmarks" (2021,
arXiv 2103.14749), showed the test images whose label an algorithm doubted to five people each. Wrong is counted here
what fewer than three of them confirmed, from github.com/cleanlab/label-errors, `mturk/mnist_mturk.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from harness.report.findings import Findings

# Index in the test set's own order, and the label that is given there.
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
    """Architecture to mean test accuracy with and without the wrong labels; empty where none are known."""
    run = findings.run
    if MNIST_TEST_LABELS not in run.environment.dataset.sha256.values() or not findings.correct:
        return {}
    return without_label_errors(next(iter(run.predictions.values())).labels, findings.correct)


def without_label_errors(
    labels: npt.NDArray[np.int64], correct: Mapping[str, Mapping[int, npt.NDArray[np.bool_]]]
) -> dict[str, tuple[float, float]]:
    """Mean accuracy over the seeds of each architecture, with and without the wrong labels.

    Args:
        labels: (N,) of MNIST's test set.
        correct: architecture to seed to (N,) bool, whether that model got the test image right.

    Raises:
        ValueError: the labels are not those of MNIST's test set in its own order.
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
    """Make sure that the known errors are where they are expected.

    Raises:
        ValueError: the labels are not those of MNIST's test set in its own order.
    """
    if len(labels) != MNIST_TEST_IMAGES:
        raise ValueError(f"MNIST's test set has {MNIST_TEST_IMAGES} labels, got {len(labels)}; give all of them")
    for index, given in MNIST_LABEL_ERRORS.items():
        if labels[index] != given:
            raise ValueError(
                f"label {index} is {labels[index]} and not {given}, so this is not MNIST's test set in its own order; "
                "leave the label errors out of this report"
            )
