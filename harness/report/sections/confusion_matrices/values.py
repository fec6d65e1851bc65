"""What a model takes for what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.report.classification import SHOWN_CLASSES
from harness.report.page.formatting import count
from harness.report.summary import ArchitectureSummary


def worst_confused(matrix: npt.NDArray[np.int64]) -> list[int]:
    """The classes that make up the pairs with most errors, in either direction, in the order of the classes."""
    errors = matrix - np.diag(np.diag(matrix))
    both = np.triu(errors + errors.T)
    chosen: dict[int, None] = {}
    for pair in np.argsort(-both, axis=None, kind="stable"):
        for index in np.unravel_index(int(pair), both.shape):
            if len(chosen) < SHOWN_CLASSES:
                chosen[int(index)] = None
        if len(chosen) == SHOWN_CLASSES:
            break
    return sorted(chosen)


def largest_confusion(matrix: npt.NDArray[np.int64]) -> tuple[int, int, int] | None:
    """True class, predicted class and count of the most frequent error; None without an error."""
    errors = matrix - np.diag(np.diag(matrix))
    true, predicted = np.unravel_index(int(errors.argmax()), errors.shape)
    worst = int(errors[true, predicted])
    return (int(true), int(predicted), worst) if worst else None


def confusion_sentence(summary: ArchitectureSummary, classes: Sequence[str]) -> str:
    """What to see in the confusion matrix of an architecture."""
    if summary.classification is None:
        return ""
    worst = largest_confusion(summary.classification.matrix)
    if worst is None:
        return f"{summary.title} makes no mistake on the test images."
    true, predicted, number = worst
    of = int(summary.classification.support[true])
    return (
        f"The most frequent mistake of {summary.title}: {count(number)} of {count(of)} images of class "
        f"{classes[true]} are taken for {classes[predicted]}."
    )
