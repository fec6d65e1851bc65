"""Tests of the summaries of architectures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from synthetic_run import SyntheticRun

from architectures import BUILT_IN
from harness.records.trial import Phase, Status
from harness.report.sections.accuracy import accuracy_table, hyperparameters_table, interval_sentence
from harness.report.sections.trials import failures_table, trials_table
from harness.report.summary import (
    ArchitectureSummary,
    group_failures,
    ranking,
    summarise,
    summarise_confirm,
)
from harness.runs.reading import RunData, read_run_folder
from harness.schedule.plan import plan_search
from harness.schedule.selection import select
from harness.statistics.estimates import AccuracyEstimate, IntervalMethod


@pytest.fixture(scope="module")
def folder(reported: Path) -> RunData:
    """The run folder as values."""
    return read_run_folder(reported)


@pytest.fixture(scope="module")
def summaries(folder: RunData) -> tuple[ArchitectureSummary, ...]:
    """Summaries of its architectures."""
    return summarise(folder)


def test_summaries_have_the_order_of_the_registry(summaries: tuple[ArchitectureSummary, ...]) -> None:
    """The order of the study does not affect the order of the summaries."""
    assert [summary.name for summary in summaries] == list(BUILT_IN)


def test_search_counts_match_the_journal(folder: RunData, summaries: tuple[ArchitectureSummary, ...]) -> None:
    """Counts, epochs and seconds of the search equal those of its records."""
    for summary in summaries:
        records = [
            record
            for record in folder.records
            if record.spec.architecture == summary.name and record.spec.phase is Phase.SEARCH
        ]
        stopped = [record for record in records if record.status is Status.STOPPED_EARLY]
        search = summary.search
        assert (search.trials, search.planned) == (len(records), len(records))
        assert search.completed + search.stopped_early + search.failed == search.trials
        assert search.stopped_early == len(stopped)
        assert search.epochs == sum(len(record.epochs) for record in records)
        assert search.epochs_saved == sum(record.spec.epochs - len(record.epochs) for record in stopped)
        assert search.train_seconds == pytest.approx(sum(record.train_seconds for record in records))
    assert any(summary.search.stopped_early for summary in summaries)


def test_failed_trials_do_not_count_as_saved_epochs(summaries: tuple[ArchitectureSummary, ...]) -> None:
    """The epochs that a failed trial did not train are not saved by early stopping."""
    mlp = summaries[-1].search
    assert mlp.failed > 0
    assert mlp.epochs_saved < mlp.epoch_budget - mlp.epochs


def test_winner_is_the_selected_trial(folder: RunData, summaries: tuple[ArchitectureSummary, ...]) -> None:
    """The winner is the trial that `select` returns, with its validation accuracy."""
    for summary in summaries:
        winner = select(folder.records, summary.name)
        assert winner is not None
        assert summary.winner == winner
        assert summary.search.best_validation_accuracy == winner.epochs[-1].validation_accuracy


def test_confirm_summary_uses_only_the_selected_configuration(folder: RunData) -> None:
    """Confirm trials of other configurations are not in the mean."""
    winner = select(folder.records, "lenet5")
    assert winner is not None
    other = winner.spec.model_copy(update={"hyperparameters": {**winner.spec.hyperparameters, "batch_size": 1}})
    stranger = winner.model_copy(update={"spec": other.model_copy(update={"phase": Phase.CONFIRM, "seed": 9})})
    mine = [record for record in folder.records if record.spec.architecture == "lenet5"]
    chosen = winner.spec.hyperparameters
    assert summarise_confirm([*mine, stranger], chosen) == summarise_confirm(mine, chosen)


def test_listed_hyperparameters_are_searched_or_changed(
    summaries: tuple[ArchitectureSummary, ...],
) -> None:
    """Searched hyperparameters are listed even at their default. Other defaults are not listed."""
    # The synthetic study sets the epochs to a value that is not the default of the MLP.
    assert list(summaries[-1].short_hyperparameters) == ["epochs", "learning_rate", "hidden_layers", "units"]


def test_a_fixed_value_that_is_not_the_default_is_listed(tmp_path: Path) -> None:
    """A value that the study fixes is listed if it differs from the default."""
    run = SyntheticRun(architectures=("lenet5",), seeds=1, spaces={"lenet5": {"activation": "relu"}}, test_images=50)
    (summary,) = summarise(read_run_folder(run.write(tmp_path)))
    assert summary.short_hyperparameters == {"activation": "relu"}


def test_failures_are_grouped_by_reason() -> None:
    """Trials with the same reason are one line with their number.

    The most frequent reason is first.
    """
    run = SyntheticRun(failure=lambda spec: "common" if spec.architecture != "lenet5" else "rare")
    planned = [spec.architecture for spec in plan_search(run.study, "d")]
    rare = planned.count("lenet5")
    groups = group_failures(run.search_records())
    assert [(group.reason, group.trials) for group in groups] == [("common", len(planned) - rare), ("rare", rare)]


def test_many_reasons_are_cut_and_counted(tmp_path: Path) -> None:
    """Ten reasons of an architecture are listed, and the last line counts the others."""
    run = SyntheticRun(architectures=("lenet5",), samples=20, confirmed=False, test_images=50)
    run = run.but(failure=lambda spec: f"reason {spec.trial_id}")
    table = failures_table(summarise(read_run_folder(run.write(tmp_path))))
    assert len(table.frame) == 11
    assert table.frame["Trials"].astype(int).sum() == 21


def test_ranking_is_by_mean(summaries: tuple[ArchitectureSummary, ...]) -> None:
    """The accuracy table is sorted by mean accuracy, and has the accuracy of the predecessor."""
    means = [estimate.mean for _, estimate in ranking(summaries)]
    frame = accuracy_table(summaries, {}).frame
    assert means == sorted(means, reverse=True)
    assert list(frame["Test accuracy (%)"].str[:5]) == [f"{100 * value:.2f}" for value in means]
    predecessor = dict(zip(frame["Architecture"], frame["Predecessor (%)"], strict=True))
    assert (predecessor["LeNet-5"], predecessor["Simple CNN"], predecessor["Advanced CNN"]) == (
        "98.96",
        "92.40",
        "97.67",
    )
    assert predecessor["MLP"] == "–"
    assert list(hyperparameters_table(summaries).frame["Architecture"]) == list(frame["Architecture"])


def test_tables_have_all_architectures(summaries: tuple[ArchitectureSummary, ...]) -> None:
    """The accuracy table and the table of trials have a row for every architecture."""
    for table in (accuracy_table(summaries, {}), trials_table(summaries)):
        assert set(table.frame["Architecture"]) == {summary.title for summary in summaries}


def test_interval_sentence_names_each_method_used(summaries: tuple[ArchitectureSummary, ...]) -> None:
    """If only some architectures have several seeds, the sentence explains both methods."""
    mixed = [
        AccuracyEstimate(0.99, None, 0.98, 1.0, IntervalMethod.WILSON, 1),
        AccuracyEstimate(0.99, 0.001, 0.98, 1.0, IntervalMethod.STUDENT_T, 5),
    ]
    changed = [
        dataclasses.replace(summary, confirm=dataclasses.replace(summary.confirm, test=estimate))
        for summary, estimate in zip(summaries, mixed, strict=False)
    ]
    sentence = interval_sentence(changed)
    assert "Student's t" in sentence
    assert "Wilson's interval" in sentence
