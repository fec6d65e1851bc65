"""Interfaces for code that receives the events of a run."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from harness.records.trial import EpochResult, TrialRecord, TrialSpec
from harness.schedule.supply import Supply
from harness.study import Study


class Observer(Protocol):
    """Receiver of the events of trials, which are called while trials run."""

    def started(self, spec: TrialSpec) -> None:
        """Handle the start of a trial: it was given a slot."""

    def epoch(self, spec: TrialSpec, result: EpochResult) -> None:
        """Handle the end of an epoch."""

    def again(self, spec: TrialSpec, reason: str) -> None:
        """Handle the loss of a worker: the trial is pending again. `reason` is why it died."""

    def ended(self, record: TrialRecord) -> None:
        """Handle the end of a trial. Its record is already in the journal."""


class Display(Protocol):
    """Display of a whole run."""

    def stage(self, what: str) -> None:
        """Show that a stage begins that takes some time."""

    def trials(self, study: Study, supply: Supply, slots: int) -> AbstractContextManager[Observer]:
        """Show trials during the block. At most `slots` of them run at the same time."""
