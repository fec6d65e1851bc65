"""Trials, epochs and time spent on each architecture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.records.trial import Phase, Status, TrialRecord
from harness.report.findings import Findings
from harness.report.summary import ArchitectureSummary


@dataclass(frozen=True)
class PhaseSpending:
    """Epochs and time of the trials of one phase.

    Attributes:
        trials: Number of trials that ended.
        epochs: Number of epochs that they trained.
        train_seconds: Training time.
        overhead_seconds: All other time of the trials: building, validation, testing, and waiting
            for the scheduler.
    """

    trials: int
    epochs: int
    train_seconds: float
    overhead_seconds: float


@dataclass(frozen=True)
class FullTrial:
    """A search trial whose result after the last epoch is known.

    Attributes:
        validation_accuracy: Validation accuracy after the last epoch, as a fraction.
        train_seconds: Training time of all epochs.
        weight: Number of search trials that this trial represents. A completed trial represents
            itself. The audited trials represent all stopped trials: the weight is
            stopped / audited.
    """

    validation_accuracy: float
    train_seconds: float
    weight: float = 1.0


@dataclass(frozen=True)
class Spending:
    """Trials, epochs and time of one architecture.

    Attributes:
        name: Name of the architecture.
        title: Title of the architecture.
        phases: Values of each phase.
        full_trials: Search trials whose accuracy after the last epoch is known.
        unaudited: Number of stopped trials if none of them was audited, otherwise 0.
    """

    name: str
    title: str
    phases: dict[Phase, PhaseSpending]
    full_trials: tuple[FullTrial, ...]
    unaudited: int

    @property
    def train_seconds(self) -> float:
        """Training time over all phases."""
        return sum(phase.train_seconds for phase in self.phases.values())

    @property
    def overhead_seconds(self) -> float:
        """Overhead over all phases."""
        return sum(phase.overhead_seconds for phase in self.phases.values())


def spending(findings: Findings) -> tuple[Spending, ...]:
    """Compute the spending of each architecture, in the order of the summaries."""
    return tuple(
        _spending([record for record in findings.run.records if record.spec.architecture == summary.name], summary)
        for summary in findings.summaries
    )


def _spending(records: Sequence[TrialRecord], summary: ArchitectureSummary) -> Spending:
    phases = {phase: _phase([record for record in records if record.spec.phase is phase]) for phase in Phase}
    audited = [r for r in records if r.spec.phase is Phase.AUDIT and r.status is Status.COMPLETED]
    completed = [r for r in records if r.spec.phase is Phase.SEARCH and r.status is Status.COMPLETED]
    stopped = summary.search.stopped_early
    # The audited trials are a random sample of the stopped ones, so all have the same weight.
    weight = stopped / len(audited) if audited else 0.0
    full = [FullTrial(r.epochs[-1].validation_accuracy, r.train_seconds, 1.0) for r in completed]
    full += [FullTrial(r.epochs[-1].validation_accuracy, r.train_seconds, weight) for r in audited]
    return Spending(summary.name, summary.title, phases, tuple(full), stopped if not audited else 0)


def _phase(records: Sequence[TrialRecord]) -> PhaseSpending:
    train = sum(record.train_seconds for record in records)
    wall = sum(record.ended_at - record.started_at for record in records)
    return PhaseSpending(
        trials=len(records),
        epochs=sum(len(record.epochs) for record in records),
        train_seconds=train,
        overhead_seconds=max(0.0, wall - train),
    )
