"""Storage of trial results in the run folder: predictions, models, checkpoints and records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import SealedTest, TrainingData
from harness.data.sources.images import background
from harness.models.saved import SavedModel
from harness.records.messages import Outcome
from harness.records.trial import Phase, TrialRecord, TrialSpec
from harness.runs.files import is_whole, remove, rename, trial_of, write_arrays, write_bytes, write_text
from harness.runs.journal import Journal
from harness.runs.paths import RunFolder
from harness.schedule.plan import confirm_seeds
from harness.schedule.selection import has_selected_configuration
from harness.study import Study


class Recorder:
    """Writes the results of trials to the run folder.

    The line in the journal is written last. It guarantees that all files of its trial are complete.

    Args:
        folder: The run folder.
        journal: Journal of the run folder.
        study: The study, for the confirm seeds.
        training: Training data, for the description of a saved model.
        test: Test split, for the labels that are stored with the predictions.
        selected: Function that returns the selected search trial of an architecture.
    """

    def __init__(
        self,
        folder: RunFolder,
        journal: Journal,
        study: Study,
        training: TrainingData,
        test: SealedTest,
        selected: Callable[[str], TrialRecord | None],
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._study = study
        self._training = training
        self._test = test
        self._selected = selected

    def keep(self, record: TrialRecord, outcome: Outcome | None) -> None:
        """Write the results and the record of one trial to disk.

        Raises:
            RunFolderError: The folder cannot be written.
        """
        if outcome is not None:
            labels = self._test.open(record.spec.phase).labels
            winner = self._selected(record.spec.architecture)
            path = predictions_path(self._folder, record, winner)
            _make_way(path, record.trial_id)
            trial_id = np.array(record.trial_id)
            write_arrays(path, labels=labels, probabilities=outcome.probabilities, trial_id=trial_id)
            if has_selected_configuration(record, winner) and record.spec.seed == confirm_seeds(self._study)[0]:
                self._keep_model(record, outcome)
        self._journal.append(record)
        remove(self._folder.checkpoint(record.trial_id))

    def keep_checkpoint(self, trial_id: str, checkpoint: bytes) -> None:
        """Store a checkpoint, which replaces the previous one of the trial.

        Raises:
            RunFolderError: The folder cannot be written.
        """
        write_bytes(self._folder.checkpoint(trial_id), checkpoint)

    def checkpoint(self, spec: TrialSpec) -> bytes | None:
        """Return the last checkpoint of a trial, or None if it has none."""
        try:
            return self._folder.checkpoint(spec.trial_id).read_bytes()
        except OSError:
            return None  # the trial starts from the beginning

    def _keep_model(self, record: TrialRecord, outcome: Outcome) -> None:
        if record.placement is None:
            raise ValueError(f"trial {record.trial_id} has an outcome but no placement")
        training = self._training
        saved = SavedModel(
            architecture=record.spec.architecture,
            hyperparameters=record.spec.hyperparameters,
            shape=(training.shape.channels, training.shape.height, training.shape.width),
            classes=training.classes,
            mean=training.normalisation.mean,
            std=training.normalisation.std,
            dataset=self._study.dataset,
            fingerprint=training.fingerprint,
            seed=record.spec.seed,
            precision=record.placement.precision,
            threads=record.placement.threads,
            test_accuracy=outcome.test.accuracy,
            background=background(training.train.images),
        )
        write_bytes(self._folder.weights(saved.architecture), outcome.weights)
        write_text(self._folder.model(saved.architecture), saved.model_dump_json(indent=2) + "\n")


def predictions_path(folder: RunFolder, record: TrialRecord, winner: TrialRecord | None) -> Path:
    """Return the path for the predictions of a confirm trial."""
    place = folder.predictions if has_selected_configuration(record, winner) else folder.default_predictions
    return place(record.spec.architecture, record.spec.seed)


def has_predictions(folder: RunFolder, record: TrialRecord) -> bool:
    """Return whether the folder contains undamaged predictions of a completed confirm trial."""
    return any(trial_of(path) in (record.trial_id, "") and is_whole(path) for path in _places(folder, record))


def _places(folder: RunFolder, record: TrialRecord) -> tuple[Path, ...]:
    """Return all paths where the predictions of a confirm trial can be."""
    name, seed = record.spec.architecture, record.spec.seed
    selected = folder.predictions(name, seed)
    return selected, folder.default_predictions(name, seed), _aside(selected, record.trial_id)


def _aside(path: Path, trial_id: str) -> Path:
    """Return the path for predictions of a configuration that is no longer selected or default."""
    return path.with_name(f"{trial_id}.npz")


def _make_way(path: Path, trial_id: str) -> None:
    """Move predictions of another trial out of the way.

    They exist if the search was enlarged and another configuration is now selected.
    """
    other = trial_of(path)
    if other and other != trial_id:
        rename(path, _aside(path, other))


def settle_predictions(
    folder: RunFolder, records: Iterable[TrialRecord], selected: Callable[[str], TrialRecord | None]
) -> None:
    """Move the predictions of every confirm trial to the path that fits the current selection.

    Raises:
        RunFolderError: The folder cannot be written.
    """
    for record in records:
        path = predictions_path(folder, record, selected(record.spec.architecture))
        if record.test is None or trial_of(path) in (record.trial_id, ""):
            continue
        for place in _places(folder, record):
            if trial_of(place) == record.trial_id:
                _make_way(path, record.trial_id)
                rename(place, path)


def keep_missed_images(
    folder: RunFolder,
    records: Sequence[TrialRecord],
    test: SealedTest,
    selected: Callable[[str], TrialRecord | None],
) -> None:
    """Save the M of N test images that at least one of the T confirmed models misclassified.

    On all other test images, every model is correct. The file therefore contains all predicted
    classes of all models in a few kilobytes. Its arrays are `labels` (N,), `indices` (M,), `images`
    (M, channels, H, W), `trials` (T,) with identities, and `predicted` (T, M) with classes.

    Raises:
        RunFolderError: The folder cannot be written.
    """
    confirmed = [record for record in records if record.test is not None]
    if not confirmed:
        return
    split = test.open(Phase.CONFIRM)
    answers = np.stack(
        [_answers(predictions_path(folder, record, selected(record.spec.architecture))) for record in confirmed]
    )
    indices = np.flatnonzero((answers != split.labels).any(axis=0))
    write_arrays(
        folder.missed,
        labels=split.labels,
        indices=indices,
        images=split.images[indices],
        trials=np.array([record.trial_id for record in confirmed]),
        predicted=answers[:, indices],
    )


def _answers(path: Path) -> NDArray[np.int32]:
    with np.load(path) as file:
        return np.asarray(file["probabilities"].argmax(axis=1), dtype=np.int32)
