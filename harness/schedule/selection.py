"""Selection of the configuration that is confirmed, by validation results only."""

from __future__ import annotations

from collections.abc import Iterable

from harness.records.trial import Phase, Status, TrialRecord


def select(records: Iterable[TrialRecord], architecture: str) -> TrialRecord | None:
    """Return the completed search trial with the highest validation accuracy after its last epoch.

    Among equal accuracies, the lower validation loss wins, then the smaller identity. The order in
    which trials ended does not matter. A trial that was stopped early cannot be selected.

    Returns:
        None if no search trial of the architecture was completed.
    """
    candidates = [
        record
        for record in records
        if record.spec.phase is Phase.SEARCH
        and record.spec.architecture == architecture
        and record.status is Status.COMPLETED
    ]
    return min(candidates, key=rank, default=None)


def has_selected_configuration(record: TrialRecord, selected: TrialRecord | None) -> bool:
    """Return whether a confirm trial has the selected configuration."""
    return selected is not None and record.spec.hyperparameters == selected.spec.hyperparameters


def rank(record: TrialRecord) -> tuple[float, float, str]:
    """Return the sort key for selection: the best trial has the smallest key."""
    last = record.epochs[-1]
    return (-last.validation_accuracy, last.validation_loss, record.trial_id)
