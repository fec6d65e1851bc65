"""Makes what a trial gave durable: files first, then the line of the journal that says so."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import SealedTest, Split, TrainingData
from harness.journal import Journal
from harness.messages import Outcome
from harness.plan import confirm_seeds
from harness.run_folder import RunFolder, write_arrays, write_bytes, write_text
from harness.saved_model import SavedModel
from harness.study import Study
from harness.trial import Phase, Status, TrialRecord


class Recorder:
    """Writes predictions and weights of confirm trials, and every record.

    A line of the journal promises that the files of its trial are whole, so it is written last.
    """

    def __init__(
        self, folder: RunFolder, journal: Journal, study: Study, training: TrainingData, test: SealedTest
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._study = study
        self._training = training
        self._test = test

    def keep(self, record: TrialRecord, outcome: Outcome | None) -> None:
        """Make one trial durable.

        Raises:
            RunFolderError: the folder cannot be written.
        """
        if outcome is not None:
            labels = self._test.open(record.spec.phase).labels
            path = self._folder.predictions(record.spec.architecture, record.spec.seed)
            write_arrays(path, labels=labels, probabilities=outcome.probabilities)
            if record.spec.seed == confirm_seeds(self._study)[0]:
                self._keep_model(record, outcome)
        self._journal.append(record)

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
        )
        write_bytes(self._folder.weights(saved.architecture), outcome.weights)
        write_text(self._folder.model(saved.architecture), saved.model_dump_json(indent=2) + "\n")


def keep_missed_images(folder: RunFolder, records: Iterable[TrialRecord], test: SealedTest) -> None:
    """Save the test images that some confirmed model got wrong, for the report's gallery.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    confirmed = [r for r in records if r.spec.phase is Phase.CONFIRM and r.status is Status.COMPLETED]
    if not confirmed:
        return
    split = test.open(Phase.CONFIRM)
    missed = np.zeros(len(split), dtype=bool)
    for record in confirmed:
        with np.load(folder.predictions(record.spec.architecture, record.spec.seed)) as file:
            missed |= _wrong(file["probabilities"], split)
    indices = np.flatnonzero(missed)
    write_arrays(folder.missed, indices=indices, images=split.images[indices])


def _wrong(probabilities: NDArray[np.float32], split: Split) -> NDArray[np.bool_]:
    return np.asarray(probabilities.argmax(axis=1) != split.labels)
