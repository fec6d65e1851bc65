"""How a model errs on the test images: confusion matrix, per-class metrics, its most confident mistakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, precision_recall_fscore_support

from harness.runs.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Classification:
    """One model on the test images.

    Attributes:
        seed: of the model.
        matrix: (classes, classes) counts; a row is a true class, a column a predicted one.
        precision: (classes,) fractions; NaN where a class was never predicted.
        recall: (classes,) fractions; NaN where a class has no test image.
        f1: (classes,) fractions; NaN where precision and recall are both undefined.
        support: (classes,) number of test images.
    """

    seed: int
    matrix: npt.NDArray[np.int64]
    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    f1: npt.NDArray[np.float64]
    support: npt.NDArray[np.int64]

    @property
    def errors(self) -> npt.NDArray[np.int64]:
        """The matrix without its diagonal."""
        return self.matrix - np.diag(np.diag(self.matrix))


def classify(predictions: Predictions, classes: int, seed: int) -> Classification:
    """Confusion matrix and per-class metrics of one model."""
    every_class = np.arange(classes)
    labels, predicted = predictions.labels, predictions.predicted
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=every_class, average=None, zero_division=np.nan
    )
    return Classification(
        seed=seed,
        matrix=confusion_matrix(labels, predicted, labels=every_class).astype(np.int64),
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
    )


READABLE_CLASSES = 30
"""Of more classes, a figure and a table show the worst only; the files beside the report have all."""

SHOWN_CLASSES = 20
"""How many of them."""


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


def balanced_accuracy(predictions: Predictions) -> float:
    """Mean over the classes of the share of their images that was right: every class counts alike."""
    return float(balanced_accuracy_score(predictions.labels, predictions.predicted))


def largest_confusion(matrix: npt.NDArray[np.int64]) -> tuple[int, int, int] | None:
    """True class, predicted class and count of the most frequent error; None without an error."""
    errors = matrix - np.diag(np.diag(matrix))
    true, predicted = np.unravel_index(int(errors.argmax()), errors.shape)
    worst = int(errors[true, predicted])
    return (int(true), int(predicted), worst) if worst else None


@dataclass(frozen=True)
class Mistake:
    """A test image that a model got wrong.

    Attributes:
        index: of the image, in the test set's own order.
        true: class of its label.
        predicted: class that the model gave.
        confidence: probability that the model gave to that class.
    """

    index: int
    true: int
    predicted: int
    confidence: float


def confident_mistakes(predictions: Predictions, available: npt.NDArray[np.int64], limit: int) -> tuple[Mistake, ...]:
    """The wrong answers of highest confidence, most confident first; ties in the order of the test set.

    None when confidences were not kept.

    Args:
        predictions: of one model.
        available: indices of the test images that can be shown.
        limit: how many at most.
    """
    if predictions.confidence is None:
        return ()
    confidence = predictions.confidence
    wrong = np.flatnonzero(~predictions.correct)
    wrong = wrong[np.isin(wrong, available)]
    order = np.argsort(-confidence[wrong], kind="stable")[:limit]
    return tuple(
        Mistake(
            index=int(index),
            true=int(predictions.labels[index]),
            predicted=int(predictions.predicted[index]),
            confidence=float(confidence[index]),
        )
        for index in wrong[order]
    )
