"""The events of a run, for whoever shows or counts them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from harness.records.trial import EpochResult, TrialRecord, TrialSpec
from harness.schedule.supply import Supply
from harness.study import Study


class Observer(Protocol):
    """Hears of every event while trials run, as it happens."""

    def started(self, spec: TrialSpec) -> None:
        """A trial was given a slot."""

    def epoch(self, spec: TrialSpec, result: EpochResult) -> None:
        """A trial finished an epoch."""

    def again(self, spec: TrialSpec, reason: str) -> None:
        """A trial lost its worker, for this reason, and is tried again."""

    def ended(self, record: TrialRecord) -> None:
        """A trial ended, and is in the journal."""


class Display(Protocol):
    """Shows a run from its beginning to its end."""

    def stage(self, what: str) -> None:
        """Something begins that takes a while."""

    def trials(self, study: Study, supply: Supply, slots: int) -> AbstractContextManager[Observer]:
        """Trials can start, so many at a time; none runs after the block."""
