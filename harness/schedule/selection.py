"""Which configuration of an architecture goes on to the confirm phase; validation data decides, alone."""

from __future__ import annotations

from collections.abc import Iterable

from harness.records.trial import Phase, Status, TrialRecord


def select(records: Iterable[TrialRecord], architecture: str) -> TrialRecord | None:
    """The completed search trial of best validation accuracy after its last epoch.

    Ties go to the lower validation loss, then to the smaller identity, so that the order in which
    trials ended never matters. A trial that was stopped early is not a candidate: it was compared,
    and lost, at the rung where it fell.

    Returns:
        None when no search trial of the architecture completed.
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
    """Whether a confirm trial has the selected configuration; if not, it has the default one."""
    return selected is not None and record.spec.hyperparameters == selected.spec.hyperparameters


def rank(record: TrialRecord) -> tuple[float, float, str]:
    """What selection orders trials by, the best first: accuracy, loss and identity after the last epoch."""
    last = record.epochs[-1]
    return (-last.validation_accuracy, last.validation_loss, record.trial_id)
