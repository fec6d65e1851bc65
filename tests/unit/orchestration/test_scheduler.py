"""Early stopping: one ASHA for each architecture."""

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
    """What the scheduler asks of a trial of Tune's."""

    trial_id: str
    spec: object
    status: str = Trial.PENDING


@pytest.fixture
def scheduler():
    """ASHA with rungs at 1 and 3 epochs of at most 9, four trials at once."""
    return PerArchitectureScheduler(
        EarlyStopping(grace_epochs=1, reduction_factor=3), {"mlp": 9, "lenet5": 9}, lambda trial: trial.spec, slots=4
    )


def report(scheduler, spec, epoch: int, accuracy: float) -> str:
    trial = TuneTrial(spec.trial_id, spec)
    if epoch == 1:
        scheduler.on_trial_add(None, trial)
    return scheduler.on_trial_result(None, trial, {"epoch": epoch, "validation_accuracy": accuracy})


def test_a_bad_trial_is_stopped_at_the_first_rung(scheduler, make_spec) -> None:
    """After three good trials, a bad one ends with its first epoch."""
    for seed, accuracy in enumerate((0.90, 0.91, 0.92)):
        report(scheduler, make_spec(seed=seed), 1, accuracy)
    assert report(scheduler, make_spec(seed=9), 1, 0.5) == "STOP"
    assert report(scheduler, make_spec(seed=8), 1, 0.95) == "CONTINUE"


def test_architectures_never_share_a_rung(scheduler, make_spec) -> None:
    """A slow starter is not stopped because another architecture starts fast."""
    for seed, accuracy in enumerate((0.98, 0.981, 0.982)):
        report(scheduler, make_spec("lenet5", seed=seed), 1, accuracy)
    assert report(scheduler, make_spec("mlp", seed=1), 1, 0.3) == "CONTINUE"
    rungs = {
        name: {trial for _, rung in asha._brackets[0]._rungs for trial in rung} for name, asha in scheduler.asha.items()
    }
    assert not rungs["mlp"] & rungs["lenet5"]
    assert len(rungs["lenet5"]) == 3


def test_confirm_trials_are_never_stopped(scheduler, make_spec) -> None:
    """However bad it looks, a confirm trial gets its whole budget, and fills no rung."""
    for seed, accuracy in enumerate((0.98, 0.981, 0.982)):
        report(scheduler, make_spec(seed=seed), 1, accuracy)
    assert report(scheduler, make_spec(phase=Phase.CONFIRM), 1, 0.1) == "CONTINUE"
    assert len(scheduler.asha["mlp"]._brackets[0]._rungs[-1][1]) == 3


def test_a_message_without_an_epoch_is_no_reason_to_stop(scheduler, make_spec) -> None:
    """A failure report carries no accuracy, and must not break the experiment."""
    spec = make_spec()
    trial = TuneTrial("x", spec)
    scheduler.on_trial_add(None, trial)
    assert scheduler.on_trial_result(None, trial, {"message": "failed"}) == "CONTINUE"
    scheduler.on_trial_complete(None, trial, {"message": "failed"})


def test_replayed_records_fill_the_rungs(scheduler, make_spec, make_record) -> None:
    """A resumed search stops what the uninterrupted one would have stopped."""
    for seed, accuracy in enumerate((0.90, 0.91, 0.92)):
        scheduler.replay(make_record(make_spec(seed=seed, epochs=9), accuracies=(accuracy, accuracy)))
    assert report(scheduler, make_spec(seed=9), 1, 0.5) == "STOP"


def test_another_attempt_at_a_trial_counts_at_a_rung_once(scheduler, make_spec) -> None:
    """Tune gives each attempt an identity of its own; the rungs know the trial's."""
    spec = make_spec()
    for attempt in ("first", "second"):
        trial = TuneTrial(attempt, spec)
        scheduler.on_trial_add(None, trial)
        scheduler.on_trial_result(None, trial, {"epoch": 1, "validation_accuracy": 0.9})
    assert scheduler.asha["mlp"]._brackets[0]._rungs[-1][1] == {spec.trial_id: 0.9}


@pytest.mark.parametrize(("running", "served"), [(0, 5), (1, 5), (2, 5), (3, 0), (4, 0)])
def test_a_worker_goes_to_the_newest_trial_until_every_slot_has_one(scheduler, make_spec, running, served) -> None:
    """For the oldest one a worker is being started, which would be ended again; afterwards, trials keep their order."""
    trials = [TuneTrial(str(number), make_spec(seed=number)) for number in range(6 + running)]
    for trial in trials:
        scheduler.on_trial_add(None, trial)
    for trial in trials[6:]:
        trial.status = Trial.RUNNING
    controller = SimpleNamespace(get_live_trials=lambda: set(trials))
    assert scheduler.choose_trial_to_run(controller) is trials[served]
    trials[served].status = Trial.RUNNING
    assert scheduler.choose_trial_to_run(controller) is not trials[served]


def test_where_none_waits_none_is_chosen(scheduler, make_spec) -> None:
    """Trials that run or have ended are never begun again."""
    trial = TuneTrial("x", make_spec())
    scheduler.on_trial_add(None, trial)
    trial.status = Trial.TERMINATED
    assert scheduler.choose_trial_to_run(SimpleNamespace(get_live_trials=set)) is None
