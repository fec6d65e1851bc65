"""Tests of the estimate of the remaining time."""

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
    """Return the epochs that a trial had trained by this time."""
    each = (record.ended_at - record.started_at) / len(record.epochs)
    return [epoch for epoch in record.epochs if record.started_at + epoch.epoch * each <= time]


def test_the_estimate_is_close_after_a_third_of_the_run(run: RunData) -> None:
    """After a third of the published run, every estimate is close to the true remaining time.

    The error is at most 30 % of the remaining time, or 1.5 % of the duration of the run.
    """
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


def test_there_is_no_estimate_before_every_architecture_trained_an_epoch(run: RunData) -> None:
    """An architecture without an epoch may take ten times as long as the others."""
    supply = Supply(run.study, plan_search(run.study, run.environment.dataset.fingerprint), cost=lambda _: 1.0)
    assert remaining_seconds(run.study, supply, {}, slots=2) is None


def test_the_expected_share_of_epochs_is_that_of_asha(run: RunData) -> None:
    """With rungs at 1, 3 and 9 epochs and a factor of 3, it is (1 + 2/3 + 6/9) / 9."""
    search = [s for s in plan_search(run.study, "d") if s.architecture == "mlp"]
    assert search[0].epochs == 9
    share = expected_share(EarlyStopping(grace_epochs=1, reduction_factor=3), search, {})
    assert share == pytest.approx((1 + 2 / 3 + 6 / 9) / 9)
