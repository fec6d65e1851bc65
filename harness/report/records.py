"""The records as two flat tables for other programs: `trials.csv` and `epochs.csv`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from architectures import Registry
from harness.records.trial import EpochResult, Placement, TrialRecord
from harness.report.classification import Classification

TRIAL_COLUMNS = (
    "trial_id",
    "phase",
    "architecture",
    "seed",
    "status",
    "reason",
    "epochs",
    "validation_accuracy",
    "validation_loss",
    "test_accuracy",
)
PLACE_COLUMNS = ("train_seconds", "validation_seconds", "wall_seconds", *Placement.model_fields, "attempts")
EPOCH_COLUMNS = tuple(EpochResult.model_fields)


def hyperparameter_columns(records: Iterable[TrialRecord], registry: Registry) -> dict[str, str]:
    """Hyperparameter to its column in `trials.csv`, in the order in which architectures declare them.

    A hyperparameter that is called like another column gets a prefix: `epochs` is how many were
    trained, `hyperparameter_epochs` how many were asked for.
    """
    used = {name for record in records for name in record.spec.hyperparameters}
    declared = [name for entry in registry.values() for name in entry.hyperparameters.model_fields]
    taken = {*TRIAL_COLUMNS, *PLACE_COLUMNS}
    return {
        name: f"hyperparameter_{name}" if name in taken else name
        for name in dict.fromkeys([*declared, *sorted(used)])
        if name in used
    }


def trials_frame(records: Sequence[TrialRecord], registry: Registry) -> pd.DataFrame:
    """One row per trial, both phases, every status; a value that a trial does not have is None."""
    columns = hyperparameter_columns(records, registry)
    rows = [_trial_row(record, columns) for record in records]
    # Python objects: a column that only some architectures have would else turn 16 into 16.0.
    return pd.DataFrame(rows, columns=[*TRIAL_COLUMNS, *columns.values(), *PLACE_COLUMNS], dtype=object)


def _trial_row(record: TrialRecord, columns: dict[str, str]) -> dict[str, object]:
    spec, last = record.spec, record.last_epoch
    place = record.placement.model_dump() if record.placement else {}
    return {
        "trial_id": record.trial_id,
        "phase": spec.phase.value,
        "architecture": spec.architecture,
        "seed": spec.seed,
        "status": record.status.value,
        "reason": record.reason,
        "epochs": len(record.epochs),
        "validation_accuracy": last.validation_accuracy if last else None,
        "validation_loss": last.validation_loss if last else None,
        "test_accuracy": record.test.accuracy if record.test else None,
        **{column: spec.hyperparameters.get(name) for name, column in columns.items()},
        "train_seconds": record.train_seconds,
        "validation_seconds": sum(epoch.validation_seconds for epoch in record.epochs),
        "wall_seconds": record.ended_at - record.started_at,
        **{column: place.get(column) for column in Placement.model_fields},
        "attempts": record.attempts,
    }


def epochs_frame(records: Iterable[TrialRecord]) -> pd.DataFrame:
    """One row per trial and epoch."""
    rows = [
        (record.trial_id, *(getattr(epoch, column) for column in EPOCH_COLUMNS))
        for record in records
        for epoch in record.epochs
    ]
    return pd.DataFrame(rows, columns=["trial_id", *EPOCH_COLUMNS])


def classes_frame(classified: Mapping[str, Classification], classes: Sequence[str]) -> pd.DataFrame:
    """One row per architecture and class: what the model of the first seed makes of its test images."""
    rows = [
        (architecture, name, found.precision[index], found.recall[index], found.f1[index], int(found.support[index]))
        for architecture, found in classified.items()
        for index, name in enumerate(classes)
    ]
    return pd.DataFrame(rows, columns=["architecture", "class", "precision", "recall", "f1", "test_images"])


def matrix_frame(classification: Classification, classes: Sequence[str]) -> pd.DataFrame:
    """The confusion matrix of one model: a row is a true class, a column a predicted one."""
    return pd.DataFrame(classification.matrix, index=list(classes), columns=list(classes))
