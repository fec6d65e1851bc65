"""What a run found, put together: verdicts, ledger, spending, costs."""

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
    """Five architectures, five seeds, two of them for default configurations, four audited trials, costs."""
    made_up = SyntheticRun(default_seeds=2, audit=4, costs=True)
    return read_run_folder(made_up.write(tmp_path_factory.mktemp("found")))


@pytest.fixture(scope="module")
def found(run: RunData) -> Findings:
    """What it found."""
    return find(run)


def test_every_pair_is_compared_once_the_better_first(found: Findings) -> None:
    """Ten pairs of five, in the order of the ranking, so that differences are never negative."""
    assert len({frozenset((pair.a, pair.b)) for pair in found.of(comparisons)}) == len(found.of(comparisons)) == 10
    assert all(pair.difference >= 0 for pair in found.of(comparisons))
    assert found.order == tuple(sorted(ERRORS, key=lambda name: ERRORS[name]))


def test_a_difference_is_that_of_the_accuracy_table(found: Findings) -> None:
    """The verdicts and the table speak of the same means."""
    means = {summary.name: summary.confirm.test.mean for summary in found.summaries if summary.confirm.test}
    for pair in found.of(comparisons):
        assert pair.difference == pytest.approx(means[pair.a] - means[pair.b], abs=1e-12)


def test_mcnemar_equals_statsmodels_on_the_saved_predictions(run: RunData, found: Findings) -> None:
    """The test of the first seed's models, computed here from their predictions anew."""
    for pair in found.of(comparisons):
        a, b = (run.predictions[name, 1].correct for name in (pair.a, pair.b))
        table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
        assert pair.mcnemar is not None
        assert pair.mcnemar.seed == 1
        assert pair.mcnemar.p == pytest.approx(mcnemar(table, exact=True).pvalue)
        one_way = stats.binomtest(int(np.sum(a & ~b)), int(np.sum(a ^ b)), 0.5)
        assert pair.mcnemar.p == pytest.approx(one_way.pvalue)


def test_far_apart_is_told_apart_and_letters_say_so(found: Findings) -> None:
    """1.2 points between the best and the worst are a verdict; such two share no letter."""
    best, worst = found.order[0], found.order[-1]
    (pair,) = [p for p in found.of(comparisons) if (p.a, p.b) == (best, worst)]
    assert pair.verdict is Verdict.A_BETTER
    assert not set(found.of(groups)[best]) & set(found.of(groups)[worst])
    for pair in found.of(comparisons):
        together = bool(set(found.of(groups)[pair.a]) & set(found.of(groups)[pair.b]))
        assert together == (pair.verdict in (Verdict.UNDECIDED, Verdict.EQUIVALENT))


def test_the_ledger_counts_openings_of_the_test_set(run: RunData, found: Findings) -> None:
    """One for each confirmed model, those of the default configuration included; none for any other trial."""
    tested = [record for record in run.records if record.test is not None]
    assert sum(entry.openings for entry in found.of(ledger)) == len(tested)
    assert {record.spec.phase for record in tested} == {Phase.CONFIRM}
    for entry in found.of(ledger):
        assert entry.openings == (5 if entry.summary.default_selected else 7)


def test_the_winners_curse_is_confirm_minus_search(run: RunData, found: Findings) -> None:
    """Of the winner's own validation accuracy and its mean over the seeds of its confirm trials."""
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


def test_tuned_minus_default_is_over_the_common_seeds(run: RunData, found: Findings) -> None:
    """The default configuration has two seeds, so the tuned one counts with the same two."""
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
        assert entry.tuning.verdict is Verdict.UNDECIDED  # two seeds call nothing better


def test_what_was_spent_adds_up_to_the_run(run: RunData, found: Findings) -> None:
    """No epoch and no second of training is lost between the architectures and phases."""
    spent = [one for one_spent in found.of(spending) for one in one_spent.phases.values()]
    assert sum(one.trials for one in spent) == len(run.records)
    assert sum(one.epochs for one in spent) == sum(len(record.epochs) for record in run.records)
    wall = sum(record.ended_at - record.started_at for record in run.records)
    assert sum(one.train_seconds + one.overhead_seconds for one in spent) == pytest.approx(wall)


def test_audited_trials_stand_for_all_stopped_ones(run: RunData, found: Findings) -> None:
    """The weights of an architecture's full trials add up to the search trials that did not fail."""
    for spent in found.of(spending):
        mine = [r for r in run.records if r.spec.architecture == spent.name and r.spec.phase is Phase.SEARCH]
        completed = sum(record.status is Status.COMPLETED for record in mine)
        stopped = sum(record.status is Status.STOPPED_EARLY for record in mine)
        audited = len(spent.full_trials) - completed
        expected = completed + (stopped if audited else 0)
        assert sum(trial.weight for trial in spent.full_trials) == pytest.approx(expected)
        assert spent.unaudited == (0 if audited else stopped)


def test_costs_are_those_that_were_measured(found: Findings) -> None:
    """Size from the records, latency and throughput from the cost pass, training time from the confirm trials."""
    for cost in found.of(costs):
        assert cost.summary.model == SIZES[cost.summary.name]
        assert cost.measured is not None
        assert cost.measured.latency is not None
        assert cost.latency_ms == pytest.approx(1000 * cost.measured.latency.median)
        assert cost.best_epoch_seconds is not None
        assert cost.summary.confirm.train_seconds_mean is not None
        assert cost.best_epoch_seconds <= cost.summary.confirm.train_seconds_mean


def test_a_run_without_predictions_compares_nothing(tmp_path: Path) -> None:
    """Accuracies stay; verdicts, groups, calibration and overlap are left out, not invented."""
    folder = SyntheticRun(seeds=2, test_images=300, missed=False).write(tmp_path)
    for path in (folder / "predictions").glob("*.npz"):
        path.unlink()
    found = find(read_run_folder(folder))
    assert (found.of(comparisons), found.of(groups), found.of(calibrations), found.of(overlap)) == ((), {}, {}, None)
    assert len(found.order) == 5
