"""Tests of the findings of a run: verdicts, ledger, spending and costs."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from synthetic_run import ERRORS, SIZES, SyntheticRun

from harness.records.trial import Phase, Status
from harness.report.findings import Findings, find
from harness.report.sections.budget.spending import spending
from harness.report.sections.calibration.values import calibrations
from harness.report.sections.cost.values import costs
from harness.report.sections.errors.values import overlap
from harness.report.sections.selection import ledger
from harness.report.sections.verdicts import comparisons, groups
from harness.runs.reading import RunData, read_run_folder
from harness.statistics.comparison import Verdict


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    """A run with five seeds, default configurations, four audited trials and costs."""
    made_up = SyntheticRun(default_seeds=2, audit=4, costs=True)
    return read_run_folder(made_up.write(tmp_path_factory.mktemp("found")))


@pytest.fixture(scope="module")
def found(run: RunData) -> Findings:
    """The findings of that run."""
    return find(run)


def test_every_pair_is_compared_once_with_the_better_architecture_first(found: Findings) -> None:
    """The ten pairs of five architectures follow the ranking, so differences are never negative."""
    assert len({frozenset((pair.a, pair.b)) for pair in found.of(comparisons)}) == len(found.of(comparisons)) == 10
    assert all(pair.difference >= 0 for pair in found.of(comparisons))
    assert found.order == tuple(sorted(ERRORS, key=lambda name: ERRORS[name]))


def test_a_difference_is_that_of_the_accuracy_table(found: Findings) -> None:
    """The verdicts use the same means as the accuracy table."""
    means = {summary.name: summary.confirm.test.mean for summary in found.summaries if summary.confirm.test}
    for pair in found.of(comparisons):
        assert pair.difference == pytest.approx(means[pair.a] - means[pair.b], abs=1e-12)


def test_mcnemar_equals_statsmodels_on_the_saved_predictions(run: RunData, found: Findings) -> None:
    """The test of the first seed's models equals the one computed here from their predictions."""
    for pair in found.of(comparisons):
        a, b = (run.predictions[name, 1].correct for name in (pair.a, pair.b))
        table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
        assert pair.mcnemar is not None
        assert pair.mcnemar.seed == 1
        assert pair.mcnemar.p == pytest.approx(mcnemar(table, exact=True).pvalue)
        one_way = stats.binomtest(int(np.sum(a & ~b)), int(np.sum(a ^ b)), 0.5)
        assert pair.mcnemar.p == pytest.approx(one_way.pvalue)


def test_different_architectures_have_a_verdict_and_no_common_letter(found: Findings) -> None:
    """The best architecture is better than the worst.

    Only pairs without a winner share a letter.
    """
    best, worst = found.order[0], found.order[-1]
    (pair,) = [p for p in found.of(comparisons) if (p.a, p.b) == (best, worst)]
    assert pair.verdict is Verdict.A_BETTER
    assert not set(found.of(groups)[best]) & set(found.of(groups)[worst])
    for pair in found.of(comparisons):
        together = bool(set(found.of(groups)[pair.a]) & set(found.of(groups)[pair.b]))
        assert together == (pair.verdict in (Verdict.UNDECIDED, Verdict.EQUIVALENT))


def test_the_ledger_counts_reads_of_the_test_set(run: RunData, found: Findings) -> None:
    """Each confirmed model reads the test set once, also with the default configuration.

    No other trial does.
    """
    tested = [record for record in run.records if record.test is not None]
    assert sum(entry.openings for entry in found.of(ledger)) == len(tested)
    assert {record.spec.phase for record in tested} == {Phase.CONFIRM}
    for entry in found.of(ledger):
        assert entry.openings == (5 if entry.summary.default_selected else 7)


def test_the_winners_curse_is_confirm_minus_search(run: RunData, found: Findings) -> None:
    """The curse is the mean validation accuracy of the confirm trials minus that of the search."""
    for entry in found.of(ledger):
        name = entry.summary.name
        again = [
            r.epochs[-1].validation_accuracy
            for r in run.records
            if r.spec.architecture == name and (name, r.spec.seed) in run.predictions and r.test
        ]
        assert entry.found is not None
        if entry.summary.default_selected:
            assert entry.curse == pytest.approx(fmean(again) - entry.found)


def test_tuned_minus_default_uses_the_common_seeds(run: RunData, found: Findings) -> None:
    """The default configuration has two seeds, so the tuned one is averaged over the same two."""
    compared = [entry for entry in found.of(ledger) if entry.tuning]
    assert compared
    for entry in compared:
        assert entry.tuning is not None
        tuned = fmean([run.predictions[entry.summary.name, seed].accuracy for seed in (1, 2)])
        default = fmean([run.default_predictions[entry.summary.name, seed].accuracy for seed in (1, 2)])
        assert entry.summary.default.test is not None
        assert entry.tuning.seeds == entry.summary.default.test.n == 2
        assert (entry.tuned_accuracy, entry.summary.default.test.mean) == pytest.approx((tuned, default))
        assert entry.tuning.difference == pytest.approx(tuned - default)
        assert entry.tuning.verdict is Verdict.UNDECIDED  # two seeds never give a winner


def test_spending_adds_up_to_the_whole_run(run: RunData, found: Findings) -> None:
    """The spending of all architectures and phases adds up to all trials, epochs and seconds."""
    spent = [one for one_spent in found.of(spending) for one in one_spent.phases.values()]
    assert sum(one.trials for one in spent) == len(run.records)
    assert sum(one.epochs for one in spent) == sum(len(record.epochs) for record in run.records)
    wall = sum(record.ended_at - record.started_at for record in run.records)
    assert sum(one.train_seconds + one.overhead_seconds for one in spent) == pytest.approx(wall)


def test_audited_trials_represent_all_stopped_trials(run: RunData, found: Findings) -> None:
    """The weights of the full trials add up to the number of search trials that did not fail."""
    for spent in found.of(spending):
        mine = [r for r in run.records if r.spec.architecture == spent.name and r.spec.phase is Phase.SEARCH]
        completed = sum(record.status is Status.COMPLETED for record in mine)
        stopped = sum(record.status is Status.STOPPED_EARLY for record in mine)
        audited = len(spent.full_trials) - completed
        expected = completed + (stopped if audited else 0)
        assert sum(trial.weight for trial in spent.full_trials) == pytest.approx(expected)
        assert spent.unaudited == (0 if audited else stopped)


def test_costs_are_those_that_were_measured(found: Findings) -> None:
    """Size is from the records, latency from the cost pass, training time from confirm trials."""
    for cost in found.of(costs):
        assert cost.summary.model == SIZES[cost.summary.name]
        assert cost.measured is not None
        assert cost.measured.latency is not None
        assert cost.latency_ms == pytest.approx(1000 * cost.measured.latency.median)
        assert cost.best_epoch_seconds is not None
        assert cost.summary.confirm.train_seconds_mean is not None
        assert cost.best_epoch_seconds <= cost.summary.confirm.train_seconds_mean


def test_a_run_without_predictions_compares_nothing(tmp_path: Path) -> None:
    """Accuracies remain. Verdicts, groups, calibration and overlap are left out."""
    folder = SyntheticRun(seeds=2, test_images=300, missed=False).write(tmp_path)
    for path in (folder / "predictions").glob("*.npz"):
        path.unlink()
    found = find(read_run_folder(folder))
    assert (found.of(comparisons), found.of(groups), found.of(calibrations), found.of(overlap)) == ((), {}, {}, None)
    assert len(found.order) == 5
