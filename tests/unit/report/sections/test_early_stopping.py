"""Tests of the audit of early stopping."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
from scipy import stats
from synthetic_run import SyntheticRun

from harness.records.trial import EpochResult, Phase, Status, TrialRecord
from harness.report.findings import Findings, find
from harness.report.sections.early_stopping.values import Audit, Correlation, audit, spearman
from harness.report.summary import ArchitectureSummary, summarise
from harness.runs.reading import RunData, read_run_folder
from harness.schedule.selection import select


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    """A run with six audited trials."""
    return read_run_folder(SyntheticRun(seeds=1, audit=6).write(tmp_path_factory.mktemp("audited")))


@pytest.fixture(scope="module")
def summaries(folder: RunData) -> tuple[ArchitectureSummary, ...]:
    """Summaries of the architectures of that run."""
    return summarise(folder)


def audit_of(folder: RunData, summaries: tuple[ArchitectureSummary, ...], records: Sequence[TrialRecord] = ()) -> Audit:
    """Return the audit of the run, optionally with other records."""
    return audit(Findings(dataclasses.replace(folder, records=tuple(records) or folder.records), summaries))


def with_accuracy(record: TrialRecord, accuracy: float) -> TrialRecord:
    last = record.epochs[-1].model_copy(update={"validation_accuracy": accuracy})
    return record.model_copy(update={"epochs": (*record.epochs[:-1], last)})


def test_the_audit_counts_stopped_trials_and_epochs(
    folder: RunData, summaries: tuple[ArchitectureSummary, ...]
) -> None:
    """Saved epochs are those that stopped trials did not train.

    Spent epochs are those of the audit.
    """
    found = audit_of(folder, summaries)
    stopped = [r for r in folder.records if r.status is Status.STOPPED_EARLY]
    audited = [r for r in folder.records if r.spec.phase is Phase.AUDIT]
    assert (found.stopped, len(found.finished)) == (len(stopped), 6)
    assert found.epochs_saved == sum(r.spec.epochs - len(r.epochs) for r in stopped)
    assert found.epochs_spent == sum(len(r.epochs) for r in audited) == 6 * 8
    for trial in found.finished:
        (original,) = [r for r in stopped if r.trial_id == trial.trial_id]
        assert (trial.rung, trial.accuracy_at_rung) == (len(original.epochs), original.epochs[-1].validation_accuracy)


def test_correctly_stopped_trials_are_not_false_stops(
    folder: RunData, summaries: tuple[ArchitectureSummary, ...]
) -> None:
    """None of the six audited trials would have won, because only bad trials are stopped."""
    found = audit_of(folder, summaries)
    assert found.false_stops == 0
    assert found.fewest == 0
    assert found.most is not None
    # Up to this number of false stops, a sample of six without any has a probability above 2.5 %.
    none_found = [stats.hypergeom.pmf(0, found.stopped, number, 6) for number in (found.most, found.most + 1)]
    assert none_found[0] > 0.025 >= none_found[1]


def test_a_stopped_trial_that_would_have_won_is_a_false_stop(
    folder: RunData, summaries: tuple[ArchitectureSummary, ...]
) -> None:
    """An audited trial that beats the winner is a false stop of its architecture only."""
    first = next(r for r in folder.records if r.spec.phase is Phase.AUDIT)
    records = [with_accuracy(r, 1.0) if r is first else r for r in folder.records]
    found = audit_of(folder, summaries, records)
    assert {one.name for one in found.architectures if one.false_stops} == {first.spec.architecture}
    assert found.false_stops == 1
    winners = {summary.name: summary.winner for summary in summaries}
    assert select(records, first.spec.architecture) == winners[first.spec.architecture]  # an audit selects nothing


def test_a_tie_is_broken_as_in_the_selection(folder: RunData, summaries: tuple[ArchitectureSummary, ...]) -> None:
    """At equal accuracy, the trial with the lower validation loss wins."""
    first = next(r for r in folder.records if r.spec.phase is Phase.AUDIT)
    winner = next(s.winner for s in summaries if s.name == first.spec.architecture)
    assert winner is not None
    last = winner.epochs[-1]

    def false_stops(loss: float) -> int:
        tied = EpochResult(**last.model_dump() | {"validation_loss": loss})
        records = [r.model_copy(update={"epochs": (*r.epochs[:-1], tied)}) if r is first else r for r in folder.records]
        return audit_of(folder, summaries, records).false_stops

    assert false_stops(last.validation_loss - 0.01) == 1
    assert false_stops(last.validation_loss + 0.01) == 0


def test_the_early_correlation_covers_all_trials_that_finished(
    folder: RunData, summaries: tuple[ArchitectureSummary, ...]
) -> None:
    """The correlation uses completed search trials and audited trials, but no stopped trials."""
    found = audit_of(folder, summaries)
    for one in found.architectures:
        completed = sum(
            r.status is Status.COMPLETED and r.spec.phase is not Phase.CONFIRM
            for r in folder.records
            if r.spec.architecture == one.name
        )
        assert one.early_correlation.n == completed


def test_a_run_without_audit_has_no_rate_of_false_stops(tmp_path: Path) -> None:
    """Without an audit there is no rate of false stops, but the saved epochs are known."""
    run = read_run_folder(SyntheticRun(seeds=1).write(tmp_path))
    found = audit(find(run))
    assert (found.finished, found.fewest, found.most) == ((), None, None)
    assert found.epochs_saved > 0
    assert found.epochs_spent == 0


def test_a_rank_correlation_needs_four_pairs_and_some_change() -> None:
    """Spearman's coefficient is None for fewer than four pairs or constant values."""
    assert spearman([1, 3, 9, 27], [0.9, 0.8, 0.7, 0.1]).coefficient == -1
    assert spearman([1, 2, 3], [1, 2, 3]) == Correlation(None, 3)
    assert spearman([1, 1, 1, 1], [1, 2, 3, 4]) == Correlation(None, 4)
