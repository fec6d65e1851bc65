"""The audit of early stopping: what trials that ASHA stopped would have reached, and what stopping them saved."""

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
    """Spearman's rank correlation of n pairs; the coefficient is None where it is not defined."""

    coefficient: float | None
    n: int


@dataclass(frozen=True)
class FinishedTrial:
    """A stopped trial, and what the audit made of it.

    Attributes:
        architecture: name in the registry.
        trial_id: of the search trial.
        rung: epoch at which it was stopped.
        accuracy_at_rung: validation accuracy there.
        accuracy: validation accuracy after its last epoch.
        beats_winner: whether the selection would have preferred it to the winner.
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
        name: of the architecture.
        title: as people write it.
        stopped: trials that ASHA stopped.
        finished: those that the audit finished.
        failed: audit trials that failed.
        rung_correlation: between the rung that audited trials fell at and their final accuracy.
        early_correlation: between validation accuracy at the first rung and at the end, over all trials of the
            search whose end is known: completed and audited ones.
        epochs_saved: that stopping spared.
        epochs_spent: that the audit trained.
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
        """Audited trials that would have beaten the winner."""
        return sum(trial.beats_winner for trial in self.finished)


@dataclass(frozen=True)
class Audit:
    """Early stopping of all architectures together; the sample is drawn from all that were stopped.

    Attributes:
        architectures: one by one, in the order of the registry.
        first_rung: epoch of the first rung.
        asked: how many stopped trials the study asked to finish.
        fewest: lower end of the 95 % interval of how many of all stopped trials would have beaten their winner; None
            when nothing was audited.
        most: its upper end.
    """

    architectures: tuple[ArchitectureAudit, ...]
    first_rung: int
    asked: int
    fewest: int | None
    most: int | None

    @property
    def stopped(self) -> int:
        """Trials that were stopped early."""
        return sum(one.stopped for one in self.architectures)

    @property
    def finished(self) -> tuple[FinishedTrial, ...]:
        """Trials that the audit finished."""
        return tuple(trial for one in self.architectures for trial in one.finished)

    @property
    def false_stops(self) -> int:
        """Audited trials that would have beaten the winner of their architecture."""
        return sum(one.false_stops for one in self.architectures)

    @property
    def epochs_saved(self) -> int:
        """Epochs that early stopping spared."""
        return sum(one.epochs_saved for one in self.architectures)

    @property
    def epochs_spent(self) -> int:
        """Epochs that the audit trained."""
        return sum(one.epochs_spent for one in self.architectures)


def audit(findings: Findings) -> Audit:
    """What the audit found."""
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
    """Spearman's rank correlation; not given for fewer than four pairs, nor where one side never changes.

    >>> spearman([1, 2, 3, 4], [0.7, 0.8, 0.9, 1.0])
    Correlation(coefficient=1.0, n=4)
    """
    one, other = tuple(first), tuple(second)
    if len(one) < FEWEST_FOR_A_CORRELATION or len(set(one)) == 1 or len(set(other)) == 1:
        return Correlation(None, len(one))
    return Correlation(round(float(stats.spearmanr(one, other).statistic), 12), len(one))


def audit_sentence(audit: Audit) -> str:
    """The result of the audit of early stopping, or the reason why there is none."""
    if not audit.stopped:
        return "Early stopping ended no trial, so there was nothing to audit."
    net = audit.epochs_saved - audit.epochs_spent
    saved = (
        f"Early stopping saved {count(audit.epochs_saved)} epochs; the audit trained {count(audit.epochs_spent)}: "
        f"{count(abs(net))} {'were saved net' if net >= 0 else 'more were spent than saved'}."
    )
    if not audit.finished:
        why = "no audit was asked for" if not audit.asked else "no audit trial came to its end"
        return (
            f"{count(audit.stopped)} trials were stopped and none was finished ({why}): whether one of them would have "
            f"won is not known. {saved}"
        )
    whose = "its architecture" if audit.false_stops == 1 else "their architecture"
    drawn = [f"{one.title} {count(len(one.finished))}" for one in audit.architectures if one.finished]
    unseen = [f"{one.title} {count(one.stopped)}" for one in audit.architectures if one.stopped and not one.finished]
    nothing = f" Of the stopped trials of others it says nothing: {listed(unseen)}." if unseen else ""
    return (
        f"Of {count(audit.stopped)} stopped trials, {count(len(audit.finished))} drawn at random were finished "
        f"({listed(drawn)}): {count(audit.false_stops)} would have beaten the winner of {whose}. Of all stopped ones, "
        f"{count(audit.fewest)} to {count(audit.most)} would have, with 95 % confidence.{nothing} {saved}"
    )
