"""Predictions of confirmed models on the test split, read and checked against the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import BROKEN_ARRAYS, RunFolderError
from harness.records.dataset import Dataset
from harness.records.trial import TrialRecord
from harness.runs.files import trial_of


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of one confirmed model for the N test images, in the order of the test split.

    Attributes:
        labels: True classes, (N,) int64.
        predicted: Classes with the highest probability, (N,) int64.
        confidence: Probabilities of the predicted classes, (N,) float32; None if they were not
            stored.
    """

    labels: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float32] | None

    @classmethod
    def of(cls, labels: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> Predictions:
        """Create predictions from labels (N,) and probabilities (N, classes)."""
        return cls(
            labels=labels.astype(np.int64),
            predicted=probabilities.argmax(axis=1).astype(np.int64),
            confidence=probabilities.max(axis=1).astype(np.float32),
        )

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether each test image was classified correctly, (N,)."""
        return np.asarray(self.labels == self.predicted)

    @property
    def accuracy(self) -> float:
        """Fraction of the test images that were classified correctly."""
        return float(np.mean(self.correct))


@dataclass(frozen=True, eq=False)
class MissedImages:
    """The M of N test images that at least one confirmed model misclassified.

    Attributes:
        labels: True classes of all test images, (N,) int64.
        indices: Positions of the M images in the test split, (M,) int64.
        images: Pixels of the M images, (M, channels, H, W) uint8.
        predicted: Classes that each model predicted for the M images, (M,) int64, by identity of
            its confirm trial.
    """

    labels: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64]
    images: npt.NDArray[np.uint8]
    predicted: Mapping[str, npt.NDArray[np.int64]]

    def predictions(self, trial_id: str) -> Predictions | None:
        """Return the predictions of a trial for all test images; None if it is not included."""
        if trial_id not in self.predicted:
            return None
        everywhere = self.labels.copy()  # all models are correct on the other images
        everywhere[self.indices] = self.predicted[trial_id]
        return Predictions(self.labels, everywhere, None)


def read_missed(path: Path) -> MissedImages | None:
    """Read the file of misclassified images. Return None if there is no such file.

    Raises:
        RunFolderError: The file is damaged.
    """
    if not path.is_file():
        return None
    arrays = _read_arrays(path, ("labels", "indices", "images", "trials", "predicted"))
    labels, indices, images, trials, predicted = arrays.values()
    fits = images.ndim == 4 and indices.shape == images.shape[:1] and predicted.shape == trials.shape + indices.shape
    if not fits or indices.max(initial=-1) >= len(labels):
        raise RunFolderError(
            f"{path}: {len(labels)} labels, indices {indices.shape}, images {images.shape}, {len(trials)} trials and "
            f"predicted classes {predicted.shape} do not match; restore the file from a copy"
        )
    return MissedImages(
        labels=labels.astype(np.int64),
        indices=indices.astype(np.int64),
        images=images.astype(np.uint8),
        predicted=dict(zip(map(str, trials), predicted.astype(np.int64), strict=True)),
    )


def read_predictions(
    path: Path, record: TrialRecord, missed: MissedImages | None, dataset: Dataset
) -> Predictions | None:
    """Read the predictions of a confirm trial from its file, or from the misclassified images.

    Args:
        path: Path of the file with the predictions, which may not exist.
        record: Record of the trial.
        missed: Misclassified images of the run.
        dataset: The data set, for its numbers of test images and classes.

    Returns:
        None if neither contains the model.

    Raises:
        RunFolderError: A file is damaged or contradicts the journal.
    """
    # A file that does not name its trial was written by an earlier version or is damaged. Reading
    # it raises an error if it is damaged.
    if path.is_file() and trial_of(path) in (record.trial_id, "", None):
        found = _read_own(path, dataset)
        check_agreement(record, found, path)
        return found
    recovered = missed.predictions(record.trial_id) if missed else None
    if recovered is not None:
        check_agreement(record, recovered, path.with_name("missed.npz"))
    return recovered


def check_agreement(record: TrialRecord, predictions: Predictions, path: Path) -> None:
    """Check that the journal and the predictions give the same test accuracy.

    Raises:
        RunFolderError: The test accuracies differ by at least one image.
    """
    journal = record.test.accuracy if record.test else float("nan")
    if not abs(journal - predictions.accuracy) < 0.5 / len(predictions.labels):
        raise RunFolderError(
            f"{path}: the test accuracy of trial {record.trial_id} is {predictions.accuracy:.4%} in this file, but "
            f"{journal:.4%} in the journal; restore both files from the same run"
        )


def check_labels(predictions: Iterable[Predictions], run_dir: Path) -> None:
    """Check that all models were evaluated on the same labels.

    Raises:
        RunFolderError: The labels differ.
    """
    first: Predictions | None = None
    for found in predictions:
        first = first or found
        if not np.array_equal(first.labels, found.labels):
            raise RunFolderError(
                f"{run_dir / 'predictions'}: the files have different labels; restore them from a copy, or run the "
                "study again in a new folder"
            )


def _read_own(path: Path, dataset: Dataset) -> Predictions:
    arrays = _read_arrays(path, ("labels", "probabilities"))
    labels, probabilities = arrays["labels"], arrays["probabilities"]
    expected = (dataset.test, len(dataset.classes))
    if probabilities.shape != expected or labels.shape != expected[:1]:
        raise RunFolderError(
            f"{path}: labels {labels.shape} and probabilities {probabilities.shape} do not match "
            f"{expected[0]} test images of {expected[1]} classes; restore the file from a copy"
        )
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= expected[1]:
        raise RunFolderError(
            f"{path}: labels must be between 0 and {expected[1] - 1}, but some are not; restore the file from a copy"
        )
    return Predictions.of(labels, probabilities)


def _read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except BROKEN_ARRAYS as error:
        raise RunFolderError(f"{path}: cannot be read ({error}); restore the file from a copy") from None
