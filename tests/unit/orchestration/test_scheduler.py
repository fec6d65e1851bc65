"""Tests of early stopping with one ASHA per architecture."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from ray.tune.experiment import Trial

from harness.orchestration.scheduler import PerArchitectureScheduler
from harness.records.trial import Phase
from harness.study import EarlyStopping


@dataclass(eq=False)
class TuneTrial:
    """The attributes of Tune's trial that the scheduler uses."""

    trial_id: str
    spec: object
    status: str = Trial.PENDING


@pytest.fixture
def scheduler():
    """ASHA with rungs at epochs 1 and 3 of at most 9, and with four slots."""
    return PerArchitectureScheduler(
        EarlyStopping(grace_epochs=1, reduction_factor=3), {"mlp": 9, "lenet5": 9}, lambda trial: trial.spec, slots=4
    )


def report(scheduler, spec, epoch: int, accuracy: float) -> str:
    trial = TuneTrial(spec.trial_id, spec)
    if epoch == 1:
        scheduler.on_trial_add(None, trial)
    return scheduler.on_trial_result(None, trial, {"epoch": epoch, "validation_accuracy": accuracy})


def test_a_bad_trial_is_stopped_at_the_first_rung(scheduler, make_spec) -> None:
    """After three good trials, a bad trial ends after its first epoch."""
    for seed, accuracy in enumerate((0.90, 0.91, 0.92)):
        report(scheduler, make_spec(seed=seed), 1, accuracy)
    assert report(scheduler, make_spec(seed=9), 1, 0.5) == "STOP"
    assert report(scheduler, make_spec(seed=8), 1, 0.95) == "CONTINUE"


def test_architectures_never_share_a_rung(scheduler, make_spec) -> None:
    """A trial is never compared with trials of other architectures."""
    for seed, accuracy in enumerate((0.98, 0.981, 0.982)):
        report(scheduler, make_spec("lenet5", seed=seed), 1, accuracy)
    assert report(scheduler, make_spec("mlp", seed=1), 1, 0.3) == "CONTINUE"
    rungs = {
        name: {trial for _, rung in asha._brackets[0]._rungs for trial in rung} for name, asha in scheduler.asha.items()
    }
    assert not rungs["mlp"] & rungs["lenet5"]
    assert len(rungs["lenet5"]) == 3


def test_confirm_trials_are_never_stopped(scheduler, make_spec) -> None:
    """A confirm trial always gets its whole budget and is not counted at a rung."""
    for seed, accuracy in enumerate((0.98, 0.981, 0.982)):
        report(scheduler, make_spec(seed=seed), 1, accuracy)
    assert report(scheduler, make_spec(phase=Phase.CONFIRM), 1, 0.1) == "CONTINUE"
    assert len(scheduler.asha["mlp"]._brackets[0]._rungs[-1][1]) == 3


def test_a_message_without_an_epoch_does_not_stop_a_trial(scheduler, make_spec) -> None:
    """The report of a failure has no accuracy and does not raise an error."""
    spec = make_spec()
    trial = TuneTrial("x", spec)
    scheduler.on_trial_add(None, trial)
    assert scheduler.on_trial_result(None, trial, {"message": "failed"}) == "CONTINUE"
    scheduler.on_trial_complete(None, trial, {"message": "failed"})


def test_replayed_records_fill_the_rungs(scheduler, make_spec, make_record) -> None:
    """A resumed search stops the same trials as an uninterrupted search."""
    for seed, accuracy in enumerate((0.90, 0.91, 0.92)):
        scheduler.replay(make_record(make_spec(seed=seed, epochs=9), accuracies=(accuracy, accuracy)))
    assert report(scheduler, make_spec(seed=9), 1, 0.5) == "STOP"


def test_a_retried_trial_counts_once_at_a_rung(scheduler, make_spec) -> None:
    """Tune gives each attempt another id, but rungs use the id of the trial."""
    spec = make_spec()
    for attempt in ("first", "second"):
        trial = TuneTrial(attempt, spec)
        scheduler.on_trial_add(None, trial)
        scheduler.on_trial_result(None, trial, {"epoch": 1, "validation_accuracy": 0.9})
    assert scheduler.asha["mlp"]._brackets[0]._rungs[-1][1] == {spec.trial_id: 0.9}


@pytest.mark.parametrize(("running", "served"), [(0, 5), (1, 5), (2, 5), (3, 0), (4, 0)])
def test_a_worker_is_reused_for_the_newest_trial_until_all_slots_are_filled(
    scheduler, make_spec, running, served
) -> None:
    """The newest trial is chosen first, because reusing a worker cancels one that is starting.

    When all slots have a worker, trials keep their order.
    """
    trials = [TuneTrial(str(number), make_spec(seed=number)) for number in range(6 + running)]
    for trial in trials:
        scheduler.on_trial_add(None, trial)
    for trial in trials[6:]:
        trial.status = Trial.RUNNING
    controller = SimpleNamespace(get_live_trials=lambda: set(trials))
    assert scheduler.choose_trial_to_run(controller) is trials[served]
    trials[served].status = Trial.RUNNING
    assert scheduler.choose_trial_to_run(controller) is not trials[served]


def test_without_a_pending_trial_none_is_chosen(scheduler, make_spec) -> None:
    """Trials that run or have ended are not chosen."""
    trial = TuneTrial("x", make_spec())
    scheduler.on_trial_add(None, trial)
    trial.status = Trial.TERMINATED
    assert scheduler.choose_trial_to_run(SimpleNamespace(get_live_trials=set)) is None
