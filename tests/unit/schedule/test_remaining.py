"""The remaining time that is shown, against what it turned out to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.records.trial import EpochResult, TrialRecord, TrialSpec
from harness.runs.reading import RunData, read_run_folder
from harness.schedule.plan import plan_search
from harness.schedule.remaining import expected_share, remaining_seconds
from harness.schedule.supply import Supply
from harness.study import EarlyStopping

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def run() -> RunData:
    """The published run."""
    return read_run_folder(ROOT / "reports" / "reference")


def epochs_by(record: TrialRecord, time: float) -> list[EpochResult]:
    """What a trial had trained at some time."""
    each = (record.ended_at - record.started_at) / len(record.epochs)
    return [epoch for epoch in record.epochs if record.started_at + epoch.epoch * each <= time]


def test_the_estimate_is_within_a_third_of_the_truth_from_a_third_of_the_way_on(run: RunData) -> None:
    """In a run that was recorded, whenever a trial ended; errors of a few seconds at the end do not count."""
    macs = {
        (record.spec.architecture, str(record.spec.hyperparameters)): record.model.macs
        for record in run.records
        if record.model is not None
    }

    def cost(spec: TrialSpec) -> float:
        return float(macs.get((spec.architecture, str(spec.hyperparameters)), 0) * spec.epochs)

    supply = Supply(run.study, plan_search(run.study, run.environment.dataset.fingerprint), cost)
    records = sorted(run.records, key=lambda record: record.ended_at)
    begin, end = min(record.started_at for record in records), records[-1].ended_at
    errors = {}
    for number, record in enumerate(records):
        now = record.ended_at
        supply.ended(record)
        running = {r.trial_id: epochs_by(r, now) for r in records[number + 1 :] if r.started_at < now}
        estimate = remaining_seconds(run.study, supply, running, run.environment.slots)
        if now - begin >= (end - begin) / 3:
            errors[now - begin] = (estimate - (end - now), max(0.3 * (end - now), 0.015 * (end - begin)))
    assert len(errors) > 50
    assert {time: error for time, error in errors.items() if abs(error[0]) > error[1]} == {}


def test_nothing_is_estimated_before_every_architecture_has_trained_an_epoch(run: RunData) -> None:
    """One that has not begun may take ten times as long as the others."""
    supply = Supply(run.study, plan_search(run.study, run.environment.dataset.fingerprint), cost=lambda _: 1.0)
    assert remaining_seconds(run.study, supply, {}, slots=2) is None


def test_the_expected_share_of_epochs_is_that_of_asha(run: RunData) -> None:
    """Rungs at 1, 3 and 9 of 9 epochs, of which one trial in three passes: 1 + 2/3 + 6/9 epochs of 9."""
    search = [s for s in plan_search(run.study, "d") if s.architecture == "mlp"]
    assert search[0].epochs == 9
    share = expected_share(EarlyStopping(grace_epochs=1, reduction_factor=3), search, {})
    assert share == pytest.approx((1 + 2 / 3 + 6 / 9) / 9)
