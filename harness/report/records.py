"""The CSV tables of a report: trials, epochs, classes and confusion matrices."""

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
    """Map each hyperparameter to its column in `trials.csv`, in the order of declaration.

    A hyperparameter with the name of another column gets a prefix. `epochs` is the number of epochs
    that were trained, and `hyperparameter_epochs` is the number that was planned.
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
    """Create the table with one row per trial of any phase and status. Missing values are None."""
    columns = hyperparameter_columns(records, registry)
    rows = [_trial_row(record, columns) for record in records]
    # With dtype object, 16 does not become 16.0 in a column that some architectures do not have.
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
    """Create the table with one row per trial and epoch."""
    rows = [
        (record.trial_id, *(getattr(epoch, column) for column in EPOCH_COLUMNS))
        for record in records
        for epoch in record.epochs
    ]
    return pd.DataFrame(rows, columns=["trial_id", *EPOCH_COLUMNS])


def classes_frame(classified: Mapping[str, Classification], classes: Sequence[str]) -> pd.DataFrame:
    """Create the table with the metrics of the first seed's model, per architecture and class."""
    rows = [
        (architecture, name, found.precision[index], found.recall[index], found.f1[index], int(found.support[index]))
        for architecture, found in classified.items()
        for index, name in enumerate(classes)
    ]
    return pd.DataFrame(rows, columns=["architecture", "class", "precision", "recall", "f1", "test_images"])


def matrix_frame(classification: Classification, classes: Sequence[str]) -> pd.DataFrame:
    """Create the table of a confusion matrix. A row is a true class, a column a predicted one."""
    return pd.DataFrame(classification.matrix, index=list(classes), columns=list(classes))
