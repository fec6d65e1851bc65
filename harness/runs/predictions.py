"""What confirmed models said of the test images, read and checked against the journal."""

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
    """What one confirmed model said of the N test images, in the test set's own order.

    Attributes:
        labels: (N,) int64, the true classes.
        predicted: (N,) int64, the classes of highest probability.
        confidence: (N,) float32, the probabilities of those; None where only the classes were kept.
    """

    labels: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float32] | None

    @classmethod
    def of(cls, labels: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> Predictions:
        """From labels (N,) and probabilities (N, classes)."""
        return cls(
            labels=labels.astype(np.int64),
            predicted=probabilities.argmax(axis=1).astype(np.int64),
            confidence=probabilities.max(axis=1).astype(np.float32),
        )

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether each test image was classified right, (N,)."""
        return np.asarray(self.labels == self.predicted)

    @property
    def accuracy(self) -> float:
        """Fraction of the test images."""
        return float(np.mean(self.correct))


@dataclass(frozen=True, eq=False)
class MissedImages:
    """The M test images, of N, that some confirmed model got wrong, and what every model took them for.

    Attributes:
        labels: (N,) int64, the true classes of all test images.
        indices: (M,) int64, in the test set's own order.
        images: (M, channels, H, W) uint8.
        predicted: identity of a confirm trial to (M,) int64, the classes that its model gave.
    """

    labels: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64]
    images: npt.NDArray[np.uint8]
    predicted: Mapping[str, npt.NDArray[np.int64]]

    def predictions(self, trial_id: str) -> Predictions | None:
        """What the model of a trial said of all test images; None when it is not among the models."""
        if trial_id not in self.predicted:
            return None
        everywhere = self.labels.copy()  # all models are right where none is wrong
        everywhere[self.indices] = self.predicted[trial_id]
        return Predictions(self.labels, everywhere, None)


def read_missed(path: Path) -> MissedImages | None:
    """The file of missed images; None when the run wrote none.

    Raises:
        RunFolderError: it is damaged.
    """
    if not path.is_file():
        return None
    arrays = _read_arrays(path, ("labels", "indices", "images", "trials", "predicted"))
    labels, indices, images, trials, predicted = arrays.values()
    fits = images.ndim == 4 and indices.shape == images.shape[:1] and predicted.shape == trials.shape + indices.shape
    if not fits or indices.max(initial=-1) >= len(labels):
        raise RunFolderError(
            f"{path}: {len(labels)} labels, indices {indices.shape}, images {images.shape}, {len(trials)} trials and "
            f"predicted classes {predicted.shape} do not fit each other; restore the file from a copy"
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
    """What the model of a confirm trial said: from its own file, or where that was not kept from the missed images.

    Args:
        path: of its own file, which may not be there.
        record: of the trial.
        missed: the missed images of the run.
        dataset: how many test images and classes there are.

    Returns:
        None when neither knows the model.

    Raises:
        RunFolderError: a file is damaged, or contradicts the journal.
    """
    # A file that does not say whose it is was written before files did, or is damaged, and reading it says so.
    if path.is_file() and trial_of(path) in (record.trial_id, "", None):
        found = _read_own(path, dataset)
        check_agreement(record, found, path)
        return found
    recovered = missed.predictions(record.trial_id) if missed else None
    if recovered is not None:
        check_agreement(record, recovered, path.with_name("missed.npz"))
    return recovered


def check_agreement(record: TrialRecord, predictions: Predictions, path: Path) -> None:
    """Make sure that journal and predictions tell one story.

    Raises:
        RunFolderError: the test accuracies differ, by as little as one image.
    """
    journal = record.test.accuracy if record.test else float("nan")
    if not abs(journal - predictions.accuracy) < 0.5 / len(predictions.labels):
        raise RunFolderError(
            f"{path}: the predictions give a test accuracy of {predictions.accuracy:.4%}, and the journal "
            f"says {journal:.4%} for trial {record.trial_id}; restore both files from one run"
        )


def check_labels(predictions: Iterable[Predictions], run_dir: Path) -> None:
    """Make sure that all models were tested on the same images.

    Raises:
        RunFolderError: labels differ.
    """
    first: Predictions | None = None
    for found in predictions:
        first = first or found
        if not np.array_equal(first.labels, found.labels):
            raise RunFolderError(
                f"{run_dir / 'predictions'}: the files do not all have the same labels; run the study again"
            )


def _read_own(path: Path, dataset: Dataset) -> Predictions:
    arrays = _read_arrays(path, ("labels", "probabilities"))
    labels, probabilities = arrays["labels"], arrays["probabilities"]
    expected = (dataset.test, len(dataset.classes))
    if probabilities.shape != expected or labels.shape != expected[:1]:
        raise RunFolderError(
            f"{path}: labels {labels.shape} and probabilities {probabilities.shape} do not fit "
            f"{expected[0]} test images of {expected[1]} classes; restore the file from a copy"
        )
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= expected[1]:
        raise RunFolderError(f"{path}: some labels are not among the {expected[1]} classes; restore it from a copy")
    return Predictions.of(labels, probabilities)


def _read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except BROKEN_ARRAYS as error:
        raise RunFolderError(f"{path}: cannot be read ({error}); restore the file from a copy") from None
