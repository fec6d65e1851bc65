"""Tests of trials through Ray Tune: equal bits, early stopping and the sealed test split."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from harness.data.dataset import SealedTest
from harness.records.messages import Outcome
from harness.records.trial import ModelSummary, Phase, Status, TrialRecord, TrialSpec
from harness.schedule.plan import plan_search
from harness.schedule.supply import Supply
from harness.study import Resources, parse_study
from harness.training import Settings
from harness.training.execution import run_trial

pytestmark = pytest.mark.ray


class WitnessedTest(SealedTest):
    """A test split that records each opening in a file, in any process."""

    def __init__(self, sealed: SealedTest, witness: Path) -> None:
        super().__init__(sealed.open(Phase.CONFIRM))
        self._witness = witness

    def open(self, phase: Phase):
        with self._witness.open("a", encoding="utf-8") as file:
            file.write(f"{phase.value} {time.time()}\n")
        return super().open(phase)


SUMMARY = ModelSummary(parameters=3, macs=2, bytes=12)


class Outcomes(dict):
    """Outcomes of confirm trials by trial id. Checkpoints are not kept."""

    def keep(self, record: TrialRecord, outcome: Outcome | None) -> None:
        if outcome is not None:
            self[record.trial_id] = outcome

    def keep_checkpoint(self, trial_id: str, checkpoint: bytes) -> None: ...
    def checkpoint(self, spec: TrialSpec) -> None: ...


class Silent:
    """A progress display that does nothing."""

    def started(self, spec) -> None: ...
    def epoch(self, spec, result) -> None: ...
    def again(self, spec, reason) -> None: ...
    def ended(self, record) -> None: ...


STUDY = {
    "name": "toy",
    "precision": "fp32",
    "confirm": {"seeds": 2, "default_seeds": 1},
    "audit": {"trials": 2},
    "early_stopping": {"grace_epochs": 1, "reduction_factor": 2},
    "architectures": {
        "mlp": {
            "space": {
                "epochs": 4,
                "batch_size": 32,
                "optimizer": "sgd",
                "schedule": "constant",
                "learning_rate": {"grid": [0.05, 0.02, 0.01, 1.0e-7, 2.0e-7, 100.0]},
            }
        },
        # Learns more slowly than the first mlp trials, so a common rung would stop it.
        "lenet5": {"space": {"epochs": 2, "learning_rate": 1.0e-6}},
    },
}


@pytest.fixture(scope="module")
def cluster():
    """A local Ray cluster."""
    from harness.orchestration import connect

    with connect(None, {"mlp": Resources(), "lenet5": Resources()}, data_bytes=10**6) as connected:
        yield connected


@pytest.fixture(scope="module")
def finished(cluster, toy_data, toy_test, tmp_path_factory):
    """Supply, outcomes and openings of the test split of a study that ran through Ray."""
    from ray import cloudpickle

    from harness.orchestration import Shared, run_experiment

    # Workers cannot import this module, so its classes are pickled by value.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    witness = tmp_path_factory.mktemp("witness") / "openings"
    study = parse_study(STUDY, "test")
    supply = Supply(study, plan_search(study, toy_data.fingerprint), cost=lambda spec: float(spec.epochs))
    outcomes = Outcomes()
    shared = Shared(toy_data, WitnessedTest(toy_test, witness))
    run_experiment(study, supply, shared, cluster, lambda spec: SUMMARY, outcomes, Silent(), witness.parent)
    return supply, outcomes, witness.read_text(encoding="utf-8").splitlines()


def records_of(supply: Supply, architecture: str, phase: Phase) -> list[TrialRecord]:
    return [r for r in supply.records if r.spec.architecture == architecture and r.spec.phase is phase]


def test_every_trial_of_all_phases_ended_with_a_record(finished) -> None:
    """The search has 7 trials of mlp and 1 of lenet5.

    Each has 2 confirm trials. There is one more for the default configuration of mlp.
    """
    supply, outcomes, _ = finished
    assert supply.complete
    assert len(records_of(supply, "mlp", Phase.SEARCH)) == 7
    assert len(records_of(supply, "lenet5", Phase.SEARCH)) == 1
    confirmed = [r for r in supply.records if r.spec.phase is Phase.CONFIRM]
    assert len(confirmed) == len(outcomes) == 5
    default = [
        r for r in confirmed if r.spec.hyperparameters != supply.selected(r.spec.architecture).spec.hyperparameters
    ]
    assert [(r.spec.architecture, r.spec.seed) for r in default] == [("mlp", 1)]
    assert default[0].spec.hyperparameters == supply.specs[Phase.SEARCH][0].hyperparameters
    assert all(r.status is Status.COMPLETED and len(r.epochs) == r.spec.epochs for r in confirmed)


def test_a_trial_through_ray_equals_the_plain_loop_bit_for_bit(finished, toy_data, toy_test) -> None:
    """Every confirm trial has the same weights, probabilities and epochs as without Ray."""
    supply, outcomes, _ = finished
    for record in (r for r in supply.records if r.spec.phase is Phase.CONFIRM):
        settings = Settings("cpu", threads=1, precision="fp32")
        messages = list(run_trial(record.spec, toy_data, lambda: toy_test, settings))
        plain, through_ray = messages[-1].outcome, outcomes[record.trial_id]
        assert plain.weights == through_ray.weights
        assert plain.probabilities.tobytes() == through_ray.probabilities.tobytes()
        timed = {"train_seconds", "validation_seconds"}
        assert [m.epoch.model_dump(exclude=timed) for m in messages[:-1]] == [
            epoch.model_dump(exclude=timed) for epoch in record.epochs
        ]


def test_seeds_trained_as_one_program_are_trials_like_any_other(cluster, toy_data, toy_test, tmp_path) -> None:
    """Four seeds in one worker give four records with different results."""
    from dataclasses import replace

    from harness.orchestration import Shared, run_experiment

    study = parse_study(
        {
            "name": "toy",
            "precision": "fp32",
            "confirm": {"seeds": 4},
            "architectures": {"mlp": {"space": {"epochs": 3, "batch_size": 32, "dropout": 0.2}}},
        },
        "test",
    )
    supply = Supply(study, plan_search(study, toy_data.fingerprint), cost=lambda spec: 1.0)
    outcomes = Outcomes()
    whole = replace(cluster, shares={"mlp": replace(cluster.shares["mlp"], together=4)})
    shared = Shared(toy_data, toy_test)
    run_experiment(study, supply, shared, whole, lambda spec: SUMMARY, outcomes, Silent(), tmp_path)
    confirmed = records_of(supply, "mlp", Phase.CONFIRM)
    assert supply.complete
    assert sorted(record.spec.seed for record in confirmed) == [1, 2, 3, 4]
    assert {record.placement.together for record in confirmed} == {4}
    assert all(record.status is Status.COMPLETED and len(record.epochs) == 3 for record in confirmed)
    assert len({outcomes[record.trial_id].probabilities.tobytes() for record in confirmed}) == 4


def test_bad_trials_are_stopped_early_and_never_shown_as_completed(finished) -> None:
    """Trials that do not learn end before their budget."""
    supply, _, _ = finished
    by_rate = {r.spec.hyperparameters["learning_rate"]: r for r in records_of(supply, "mlp", Phase.SEARCH)}
    hopeless = [by_rate[1.0e-7], by_rate[2.0e-7]]
    assert any(r.status is Status.STOPPED_EARLY for r in hopeless)
    for record in supply.records:
        if record.status is Status.STOPPED_EARLY:
            assert len(record.epochs) < record.spec.epochs
        if record.status is Status.COMPLETED:
            assert len(record.epochs) == record.spec.epochs


def test_an_audit_trial_repeats_the_stopped_trial_and_finishes_it(finished) -> None:
    """Its first epochs equal those of the search trial exactly, and it trains to the last epoch."""
    supply, _, _ = finished
    searched = {r.trial_id: r for r in supply.records if r.spec.phase is Phase.SEARCH}
    stopped = [r for r in searched.values() if r.status is Status.STOPPED_EARLY]
    audited = [r for r in supply.records if r.spec.phase is Phase.AUDIT]
    assert len(audited) == min(2, len(stopped)) > 0
    timed = {"train_seconds", "validation_seconds"}
    for record in audited:
        original = searched[record.spec.in_phase(Phase.SEARCH).trial_id]
        assert original.status is Status.STOPPED_EARLY
        assert (record.status, len(record.epochs)) == (Status.COMPLETED, record.spec.epochs)
        assert record.test is None
        assert [e.model_dump(exclude=timed) for e in record.epochs[: len(original.epochs)]] == [
            e.model_dump(exclude=timed) for e in original.epochs
        ]


def test_an_architecture_is_not_stopped_by_anothers_learning_curve(finished) -> None:
    """lenet5 keeps its budget although it is worse than the mlp trials before it."""
    supply, _, _ = finished
    (lenet5,) = records_of(supply, "lenet5", Phase.SEARCH)
    rivals = [r for r in records_of(supply, "mlp", Phase.SEARCH) if r.epochs]
    assert lenet5.status is Status.COMPLETED
    assert sum(r.epochs[0].validation_accuracy > lenet5.epochs[0].validation_accuracy for r in rivals) >= 3


def test_a_diverged_trial_is_failed_with_its_reason_and_the_rest_goes_on(finished) -> None:
    """The record of a trial with a learning rate of 100 has the reason that it diverged."""
    supply, _, _ = finished
    failed = [r for r in supply.records if r.status is Status.FAILED]
    assert [r.spec.hyperparameters["learning_rate"] for r in failed] == [100.0]
    assert failed[0].reason.startswith("diverged: ")


def test_the_test_split_is_opened_once_for_each_confirm_trial_and_never_before(finished) -> None:
    """Five confirm trials open the test split once each, after the search of their architecture."""
    supply, _, openings = finished
    phases = [line.split()[0] for line in openings]
    assert phases == ["confirm"] * 5
    confirmed = sorted(r.ended_at for r in supply.records if r.spec.phase is Phase.CONFIRM)
    times = sorted(float(line.split()[1]) for line in openings)
    assert all(opened <= ended for opened, ended in zip(times, confirmed, strict=True))
    first_search_end = min(
        max(r.ended_at for r in records_of(supply, name, Phase.SEARCH)) for name in ("mlp", "lenet5")
    )
    assert times[0] > first_search_end


def test_records_say_where_and_how_trials_ran(finished) -> None:
    """Every record has device, threads, precision and model size."""
    supply, _, _ = finished
    for record in supply.records:
        assert record.placement.device == "cpu"
        assert record.placement.threads == 1
        assert record.placement.precision == "fp32"
        assert record.model == SUMMARY
        assert record.started_at < record.ended_at
