"""Makes what a trial gave durable: files first, then the line of the journal that says so."""

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
    """Writes predictions and weights of confirm trials, and every record.

    A line of the journal promises that the files of its trial are whole, so it is written last.

    Args:
        folder: where to.
        journal: of that folder.
        study: which seeds confirm.
        training: what a saved model has to know of its data.
        test: whose labels lie beside the predictions.
        selected: the search trial whose configuration is confirmed, by architecture.
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
        """Make one trial durable.

        Raises:
            RunFolderError: the folder cannot be written.
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
        """Keep what a trial can go on from, in place of what it could go on from before.

        Raises:
            RunFolderError: the folder cannot be written.
        """
        write_bytes(self._folder.checkpoint(trial_id), checkpoint)

    def checkpoint(self, spec: TrialSpec) -> bytes | None:
        """What a trial can go on from; None when an earlier attempt left nothing."""
        try:
            return self._folder.checkpoint(spec.trial_id).read_bytes()
        except OSError:
            return None  # it begins at its start

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
    """Where the predictions of a confirm trial lie."""
    place = folder.predictions if has_selected_configuration(record, winner) else folder.default_predictions
    return place(record.spec.architecture, record.spec.seed)


def has_predictions(folder: RunFolder, record: TrialRecord) -> bool:
    """Whether the predictions of a completed confirm trial lie anywhere in the folder, undamaged."""
    return any(trial_of(path) in (record.trial_id, "") and is_whole(path) for path in _places(folder, record))


def _places(folder: RunFolder, record: TrialRecord) -> tuple[Path, ...]:
    """Wherever the predictions of a confirm trial can lie."""
    name, seed = record.spec.architecture, record.spec.seed
    selected = folder.predictions(name, seed)
    return selected, folder.default_predictions(name, seed), _aside(selected, record.trial_id)


def _aside(path: Path, trial_id: str) -> Path:
    """Where predictions lie that are neither the selected configuration's nor the default one's any more."""
    return path.with_name(f"{trial_id}.npz")


def _make_way(path: Path, trial_id: str) -> None:
    """Put the predictions of another trial aside: a search that was enlarged can select anew."""
    other = trial_of(path)
    if other and other != trial_id:
        rename(path, _aside(path, other))


def settle_predictions(
    folder: RunFolder, records: Iterable[TrialRecord], selected: Callable[[str], TrialRecord | None]
) -> None:
    """Put the predictions of every confirm trial where what is selected now says that they belong.

    Raises:
        RunFolderError: the folder cannot be written.
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
    """Save the M test images that some confirmed model got wrong, and what each of the T models took them for.

    With the labels (N,) this is every answer of every model in a few kilobytes: elsewhere, all are right.
    The arrays: `labels` (N,), `indices` (M,), `images` (M, channels, H, W), `trials` (T,) identities,
    `predicted` (T, M) classes.

    Raises:
        RunFolderError: the folder cannot be written.
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
