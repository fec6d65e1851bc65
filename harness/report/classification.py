"""The confusion matrix and the per-class metrics of a model on the test images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, precision_recall_fscore_support

from harness.runs.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Classification:
    """Results of one model on the test images.

    Attributes:
        seed: Seed of the model.
        matrix: Counts of shape (classes, classes). A row is a true class, a column a predicted one.
        precision: Fractions of shape (classes,). NaN for a class that was never predicted.
        recall: Fractions of shape (classes,). NaN for a class without test images.
        f1: Fractions of shape (classes,). NaN where precision and recall are both undefined.
        support: Number of test images of each class, of shape (classes,).
    """

    seed: int
    matrix: npt.NDArray[np.int64]
    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    f1: npt.NDArray[np.float64]
    support: npt.NDArray[np.int64]

    @property
    def errors(self) -> npt.NDArray[np.int64]:
        """The confusion matrix without its diagonal."""
        return self.matrix - np.diag(np.diag(self.matrix))


def classify(predictions: Predictions, classes: int, seed: int) -> Classification:
    """Compute the confusion matrix and the per-class metrics of one model."""
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
"""With more classes, figures and tables show only the worst; the CSV files have all classes."""

SHOWN_CLASSES = 20
"""Number of classes that figures and tables then show."""


def balanced_accuracy(predictions: Predictions) -> float:
    """Compute the mean recall over the classes, so that every class has the same weight."""
    return float(balanced_accuracy_score(predictions.labels, predictions.predicted))
