"""The events of a run, for whoever shows or counts them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from harness.records.trial import EpochResult, TrialRecord, TrialSpec
from harness.schedule.supply import Supply
from harness.study import Study


class Observer(Protocol):
    """Hears of every event of a run, as it happens."""

    def plan(self, study: Study, search: Sequence[TrialSpec], folder: Path, kept: int | None) -> None:
        """What will be run is known, before anything long begins.

        Args:
            study: what is asked.
            search: the search trials.
            folder: where results go.
            kept: trials of an earlier part of the run; None in a new run.
        """

    def begin(self, study: Study, supply: Supply, slots: int) -> None:
        """Trials can start, so many at a time."""

    def started(self, spec: TrialSpec) -> None:
        """A trial was given a slot."""

    def epoch(self, spec: TrialSpec, result: EpochResult) -> None:
        """A trial finished an epoch."""

    def again(self, spec: TrialSpec, reason: str) -> None:
        """A trial lost its worker, for this reason, and is tried again."""

    def ended(self, record: TrialRecord) -> None:
        """A trial ended, and is in the journal."""

    def end(self) -> None:
        """No trial runs any more."""
