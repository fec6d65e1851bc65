"""The audit of early stopping: epochs saved, and final results of stopped trials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy import stats

from harness.records.trial import Phase, Status, TrialRecord
from harness.report.findings import Findings
from harness.report.page.formatting import count, listed
from harness.report.summary import ArchitectureSummary
from harness.schedule.selection import rank
from harness.statistics.estimates import finite_population_interval

FEWEST_FOR_A_CORRELATION = 4


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation of n pairs. The coefficient is None if it is undefined."""

    coefficient: float | None
    n: int


@dataclass(frozen=True)
class FinishedTrial:
    """A stopped trial that the audit trained to its last epoch.

    Attributes:
        architecture: Name in the registry.
        trial_id: Id of the search trial.
        rung: Epoch after which the trial was stopped.
        accuracy_at_rung: Validation accuracy at this epoch.
        accuracy: Validation accuracy after the last epoch.
        beats_winner: Whether the selection would have preferred this trial to the winner.
    """

    architecture: str
    trial_id: str
    rung: int
    accuracy_at_rung: float
    accuracy: float
    beats_winner: bool


@dataclass(frozen=True)
class ArchitectureAudit:
    """Early stopping of one architecture.

    Attributes:
        name: Name of the architecture.
        title: Title of the architecture.
        stopped: Number of trials that ASHA stopped.
        finished: Stopped trials that the audit trained to their last epoch.
        failed: Number of audit trials that failed.
        rung_correlation: Correlation between the rung at which audited trials were stopped and
            their final accuracy.
        early_correlation: Correlation between the validation accuracies at the first rung and at
            the end, over all completed and audited trials.
        epochs_saved: Number of epochs that early stopping saved.
        epochs_spent: Number of epochs that the audit trained.
    """

    name: str
    title: str
    stopped: int
    finished: tuple[FinishedTrial, ...]
    failed: int
    rung_correlation: Correlation
    early_correlation: Correlation
    epochs_saved: int
    epochs_spent: int

    @property
    def false_stops(self) -> int:
        """Number of audited trials that would have been better than the winner."""
        return sum(trial.beats_winner for trial in self.finished)


@dataclass(frozen=True)
class Audit:
    """Early stopping of all architectures. The sample is drawn from all stopped trials.

    Attributes:
        architectures: Audit of each architecture, in the order of the registry.
        first_rung: Epoch of the first rung.
        asked: Number of trials to audit, from the study.
        fewest: Lower end of the 95 % interval for the number of stopped trials that would have been
            better than their winner. None if nothing was audited.
        most: Upper end of this interval.
    """

    architectures: tuple[ArchitectureAudit, ...]
    first_rung: int
    asked: int
    fewest: int | None
    most: int | None

    @property
    def stopped(self) -> int:
        """Number of trials that were stopped early."""
        return sum(one.stopped for one in self.architectures)

    @property
    def finished(self) -> tuple[FinishedTrial, ...]:
        """Trials that the audit trained to their last epoch."""
        return tuple(trial for one in self.architectures for trial in one.finished)

    @property
    def false_stops(self) -> int:
        """Number of audited trials that would have been better than their winner."""
        return sum(one.false_stops for one in self.architectures)

    @property
    def epochs_saved(self) -> int:
        """Number of epochs that early stopping saved."""
        return sum(one.epochs_saved for one in self.architectures)

    @property
    def epochs_spent(self) -> int:
        """Number of epochs that the audit trained."""
        return sum(one.epochs_spent for one in self.architectures)


def audit(findings: Findings) -> Audit:
    """Compute the result of the audit."""
    study, records, summaries = findings.run.study, findings.run.records, findings.summaries
    first_rung = study.early_stopping.grace_epochs
    architectures = tuple(
        _audit_architecture([r for r in records if r.spec.architecture == summary.name], summary, first_rung)
        for summary in summaries
    )
    finished = sum(len(one.finished) for one in architectures)
    false_stops = sum(one.false_stops for one in architectures)
    stopped = sum(one.stopped for one in architectures)
    fewest, most = finite_population_interval(false_stops, finished, stopped) if finished else (None, None)
    return Audit(architectures, first_rung, study.audit.trials, fewest, most)


def _audit_architecture(
    records: Sequence[TrialRecord], summary: ArchitectureSummary, first_rung: int
) -> ArchitectureAudit:
    searched = {record.trial_id: record for record in records if record.spec.phase is Phase.SEARCH}
    audited = [record for record in records if record.spec.phase is Phase.AUDIT]
    pairs = [
        (searched[stopped_id], record)
        for record in audited
        if record.status is Status.COMPLETED
        for stopped_id in [record.spec.in_phase(Phase.SEARCH).trial_id]
        if stopped_id in searched and searched[stopped_id].epochs
    ]
    finished = tuple(
        FinishedTrial(
            architecture=summary.name,
            trial_id=stopped.trial_id,
            rung=len(stopped.epochs),
            accuracy_at_rung=stopped.epochs[-1].validation_accuracy,
            accuracy=record.epochs[-1].validation_accuracy,
            beats_winner=summary.winner is None or rank(record) < rank(summary.winner),
        )
        for stopped, record in pairs
    )
    known = [r for r in searched.values() if r.status is Status.COMPLETED] + [record for _, record in pairs]
    curves = [r.epochs for r in known if len(r.epochs) > first_rung]
    return ArchitectureAudit(
        name=summary.name,
        title=summary.title,
        stopped=summary.search.stopped_early,
        finished=finished,
        failed=sum(record.status is Status.FAILED for record in audited),
        rung_correlation=spearman([trial.rung for trial in finished], [trial.accuracy for trial in finished]),
        early_correlation=spearman(
            [epochs[first_rung - 1].validation_accuracy for epochs in curves],
            [epochs[-1].validation_accuracy for epochs in curves],
        ),
        epochs_saved=summary.search.epochs_saved,
        epochs_spent=sum(len(record.epochs) for record in audited),
    )


def spearman(first: Iterable[float], second: Iterable[float]) -> Correlation:
    """Compute Spearman's rank correlation.

    It is undefined for fewer than four pairs, or if one side has only one value.

    >>> spearman([1, 2, 3, 4], [0.7, 0.8, 0.9, 1.0])
    Correlation(coefficient=1.0, n=4)
    """
    one, other = tuple(first), tuple(second)
    if len(one) < FEWEST_FOR_A_CORRELATION or len(set(one)) == 1 or len(set(other)) == 1:
        return Correlation(None, len(one))
    return Correlation(round(float(stats.spearmanr(one, other).statistic), 12), len(one))


def audit_sentence(audit: Audit) -> str:
    """Describe the result of the audit, or the reason why there is none."""
    if not audit.stopped:
        return "Early stopping ended no trials, so there was nothing to audit."
    net = audit.epochs_saved - audit.epochs_spent
    result = f"the net saving is {count(net)}" if net >= 0 else f"the net cost is {count(-net)}"
    saved = (
        f"Early stopping saved {count(audit.epochs_saved)} epochs and the audit trained {count(audit.epochs_spent)}, "
        f"so {result} epochs."
    )
    if not audit.finished:
        why = "no audit was configured" if not audit.asked else "no audit trial completed"
        return (
            f"{count(audit.stopped)} trials were stopped early and none of them was audited ({why}). It is unknown "
            f"whether one of them would have been better than the selected trial. {saved}"
        )
    whose = "its architecture" if audit.false_stops == 1 else "their architecture"
    drawn = [f"{count(len(one.finished))} of {one.title}" for one in audit.architectures if one.finished]
    unseen = [
        f"{one.title} ({count(one.stopped)} stopped)" for one in audit.architectures if one.stopped and not one.finished
    ]
    unknown = f" No stopped trial of {listed(unseen)} was audited." if unseen else ""
    return (
        f"The audit drew {count(len(audit.finished))} of {count(audit.stopped)} stopped trials at random "
        f"({listed(drawn)}) and trained them to their last epoch. {count(audit.false_stops)} of them would have been "
        f"better than the selected trial of {whose}. Among all stopped trials, this number is {count(audit.fewest)} to "
        f"{count(audit.most)}, with 95 % confidence.{unknown} {saved}"
    )
