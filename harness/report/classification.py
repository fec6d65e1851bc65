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


def balanced_accuracy(predictions: Predictions) -> float:
    """Mean over the classes of the share of their images that was right: every class counts alike."""
    return float(balanced_accuracy_score(predictions.labels, predictions.predicted))
