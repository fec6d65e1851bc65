"""What was spent on each architecture: configurations, epochs, seconds of training and of everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.records.trial import Phase, Status, TrialRecord
from harness.report.findings import Findings
from harness.report.summary import ArchitectureSummary


@dataclass(frozen=True)
class PhaseSpending:
    """What the trials of one phase took.

    Attributes:
        trials: that ended.
        epochs: that they trained.
        train_seconds: training alone.
        overhead_seconds: the rest of their time: building, validation, test, waiting for the scheduler.
    """

    trials: int
    epochs: int
    train_seconds: float
    overhead_seconds: float


@dataclass(frozen=True)
class FullTrial:
    """A search trial that is known to its last epoch.

    Attributes:
        validation_accuracy: after its last epoch, as a fraction.
        train_seconds: training alone, over all epochs.
        weight: of how many trials of the search it tells. A completed one stands for itself; the stopped ones that
            were finished for the audit stand for all stopped ones: stopped / audited.
    """

    validation_accuracy: float
    train_seconds: float
    weight: float = 1.0


@dataclass(frozen=True)
class Spending:
    """What was spent on one architecture.

    Attributes:
        name: of the architecture.
        title: as people write it.
        phases: by phase.
        full_trials: search trials whose accuracy after the last epoch is known, for the expected best.
        unaudited: stopped trials that the full ones do not stand for: some were stopped, none was audited.
    """

    name: str
    title: str
    phases: dict[Phase, PhaseSpending]
    full_trials: tuple[FullTrial, ...]
    unaudited: int

    @property
    def train_seconds(self) -> float:
        """Training alone, over all phases."""
        return sum(phase.train_seconds for phase in self.phases.values())

    @property
    def overhead_seconds(self) -> float:
        """All the rest, over all phases."""
        return sum(phase.overhead_seconds for phase in self.phases.values())


def spending(findings: Findings) -> tuple[Spending, ...]:
    """One entry for each architecture, in the order of the summaries."""
    return tuple(
        _spending([record for record in findings.run.records if record.spec.architecture == summary.name], summary)
        for summary in findings.summaries
    )


def _spending(records: Sequence[TrialRecord], summary: ArchitectureSummary) -> Spending:
    phases = {phase: _phase([record for record in records if record.spec.phase is phase]) for phase in Phase}
    audited = [r for r in records if r.spec.phase is Phase.AUDIT and r.status is Status.COMPLETED]
    completed = [r for r in records if r.spec.phase is Phase.SEARCH and r.status is Status.COMPLETED]
    stopped = summary.search.stopped_early
    # The audited trials are a random sample of the stopped ones, so each stands for as many of them.
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
