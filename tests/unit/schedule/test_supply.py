"""Tests of the supply: the order of the trials of a study."""

from __future__ import annotations

import pytest

from harness.records.trial import Phase, Status, TrialSpec
from harness.schedule.plan import plan_search
from harness.schedule.supply import Supply
from harness.study import parse_study


@pytest.fixture
def study():
    """A study of two architectures, each with three search trials and two confirm seeds."""
    space = {"epochs": 2, "learning_rate": {"grid": [0.1, 0.2]}}
    return parse_study(
        {
            "name": "s",
            "confirm": {"seeds": 2},
            "architectures": {"mlp": {"space": space}, "lenet5": {"space": space}},
        },
        "test",
    )


def cost(spec) -> float:
    return {"mlp": 1.0, "lenet5": 10.0}[spec.architecture]


def test_every_architecture_starts_before_the_longest_continues(study) -> None:
    """The longest architecture starts, then each other one, and then the longest pending trials."""
    supply = Supply(study, plan_search(study, "d"), cost)
    order = [supply.next().architecture for _ in range(6)]
    assert order == ["lenet5", "mlp", "lenet5", "lenet5", "mlp", "mlp"]
    assert supply.next() is None
    assert not supply.exhausted


def test_trials_of_equal_cost_keep_the_order_of_the_plan(study) -> None:
    """The default configuration is tried first, and confirm seeds follow in order."""
    search = plan_search(study, "d")
    supply = Supply(study, search, cost=lambda spec: 1.0)
    handed_out = [supply.next() for _ in range(6)]
    for name in ("mlp", "lenet5"):
        assert [s for s in handed_out if s.architecture == name] == [s for s in search if s.architecture == name]


def test_measured_seconds_change_the_order(study, make_record) -> None:
    """An architecture that takes longer than its multiply-adds suggest is moved forward."""
    supply = Supply(study, plan_search(study, "d"), cost)
    lenet, mlp = supply.next(), supply.next()
    slow = [epoch.model_copy(update={"train_seconds": 500.0}) for epoch in make_record(mlp).epochs]
    supply.ended(make_record(lenet))
    supply.ended(make_record(mlp).model_copy(update={"epochs": tuple(slow)}))
    assert [supply.next().architecture for _ in range(4)] == ["mlp", "mlp", "lenet5", "lenet5"]


def test_confirm_trials_come_after_the_search_of_their_architecture(study, make_record) -> None:
    """An architecture is confirmed while others are still searched, with its best configuration."""
    supply = Supply(study, plan_search(study, "d"), cost)
    handed_out = [supply.next() for _ in range(6)]
    lenet = [spec for spec in handed_out if spec.architecture == "lenet5"]
    for spec, accuracy in zip(lenet[:2], (0.7, 0.9), strict=True):
        supply.ended(make_record(spec, accuracies=(0.1, accuracy)))
        assert supply.next() is None
    supply.ended(make_record(lenet[2], accuracies=(0.1,), status=Status.STOPPED_EARLY))
    confirm = [supply.next(), supply.next()]
    assert {spec.phase for spec in confirm} == {Phase.CONFIRM}
    assert all(spec.hyperparameters == lenet[1].hyperparameters for spec in confirm)
    assert sorted(spec.seed for spec in confirm) == [1, 2]


def test_the_supply_is_exhausted_when_all_trials_have_ended(study, make_record) -> None:
    """All 3 search and 2 confirm trials of each architecture are supplied exactly once."""
    supply = Supply(study, plan_search(study, "d"), cost)
    seen = []
    while not supply.exhausted:
        spec = supply.next()
        seen.append(spec.trial_id)
        supply.ended(make_record(spec))
    assert len(seen) == len(set(seen)) == 10
    assert supply.complete
    assert len(supply.records) == 10


def test_an_architecture_whose_search_failed_is_not_confirmed(study, make_record) -> None:
    """An architecture without a completed search trial is not confirmed. The others continue."""
    supply = Supply(study, plan_search(study, "d"), cost)
    while not supply.exhausted:
        spec = supply.next()
        failed = spec.architecture == "lenet5"
        supply.ended(make_record(spec, status=Status.FAILED if failed else Status.COMPLETED, reason="x"))
    assert {spec.architecture for spec in supply.specs[Phase.CONFIRM]} == {"mlp"}


def test_finished_trials_are_not_supplied_again(study, make_record) -> None:
    """A resumed supply has the remaining trials, including confirm trials."""
    whole = Supply(study, plan_search(study, "d"), cost)
    finished = []
    for _ in range(4):
        spec = whole.next()
        finished.append(make_record(spec))
        whole.ended(finished[-1])
    rest = Supply(study, plan_search(study, "d"), cost, finished)
    seen = []
    while not rest.exhausted:
        spec = rest.next()
        seen.append(spec.trial_id)
        rest.ended(make_record(spec))
    assert not set(seen) & {record.trial_id for record in finished}
    assert len(seen) + len(finished) == 10


def test_an_abandoned_supply_has_no_trials(study) -> None:
    """After `abandon`, no trial starts, and the study is not complete."""
    supply = Supply(study, plan_search(study, "d"), cost)
    supply.next()
    supply.abandon()
    assert supply.next() is None
    assert supply.exhausted
    assert not supply.complete


def with_audit(study, trials: int, default_seeds: int = 0):
    return study.model_copy(
        update={
            "audit": study.audit.model_copy(update={"trials": trials}),
            "confirm": study.confirm.model_copy(update={"default_seeds": default_seeds}),
        }
    )


def run_all(supply, make_record, stopped=()):
    """Run all trials in order. Those in `stopped` are stopped early, and the others complete."""
    seen = []
    while not supply.exhausted:
        spec = supply.next()
        seen.append(spec)
        ends = spec.phase is Phase.SEARCH and spec.trial_id in stopped
        record = make_record(spec, accuracies=(0.1,), status=Status.STOPPED_EARLY) if ends else make_record(spec)
        supply.ended(record)
    return seen


def ids(specs) -> set[str]:
    return {spec.trial_id for spec in specs}


def test_the_audit_repeats_a_sample_of_the_stopped_trials(study, make_record) -> None:
    """Two of four stopped trials are repeated in the audit phase, each once."""
    study = with_audit(study, trials=2)
    search = plan_search(study, "d")
    stopped = {spec.trial_id for spec in (*search[1:3], *search[4:6])}
    supply = Supply(study, search, cost)
    audited = [spec for spec in run_all(supply, make_record, stopped) if spec.phase is Phase.AUDIT]
    assert len({spec.trial_id for spec in audited}) == 2
    assert {spec.in_phase(Phase.SEARCH).trial_id for spec in audited} <= stopped
    assert ids(supply.specs[Phase.AUDIT]) == ids(audited)


def test_the_sample_depends_only_on_the_stopped_trials(study, make_record) -> None:
    """The order in which trials end, and resuming, do not change the sample."""
    study = with_audit(study, trials=2)
    search = plan_search(study, "d")
    stopped = {spec.trial_id for spec in (*search[1:3], *search[4:6])}
    records = [
        make_record(spec, accuracies=(0.1,), status=Status.STOPPED_EARLY)
        if spec.trial_id in stopped
        else make_record(spec)
        for spec in search
    ]
    samples = []
    for order in (records, records[::-1]):
        supply = Supply(study, search, cost)
        for record in order:
            supply.ended(record)
        samples.append(ids(supply.specs[Phase.AUDIT]))
    samples.append(ids(Supply(study, search, cost, finished=records).specs[Phase.AUDIT]))
    assert samples[0] == samples[1] == samples[2]
    assert len(samples[0]) == 2


def test_every_stopped_trial_can_be_in_the_sample(study, make_record) -> None:
    """Over many study seeds, each of four stopped trials is drawn about equally often."""
    drawn: dict[int, int] = dict.fromkeys((1, 2, 4, 5), 0)
    for seed in range(200):
        seeded = with_audit(study.model_copy(update={"seed": seed}), trials=1)
        search = plan_search(seeded, "d")
        position = {spec.trial_id: index for index, spec in enumerate(search)}
        supply = Supply(seeded, search, cost)
        for index, spec in enumerate(search):
            ends = index in drawn
            supply.ended(
                make_record(spec, accuracies=(0.1,), status=Status.STOPPED_EARLY) if ends else make_record(spec)
            )
        (audited,) = supply.specs[Phase.AUDIT]
        drawn[position[audited.in_phase(Phase.SEARCH).trial_id]] += 1
    assert all(25 <= times <= 80 for times in drawn.values()), drawn  # 50 expected, standard deviation 6


def test_a_large_sample_contains_all_stopped_trials(study, make_record) -> None:
    """A sample larger than the number of stopped trials contains all of them.

    Without stopped trials, nothing is audited.
    """
    study = with_audit(study, trials=50)
    search = plan_search(study, "d")
    stopped = {search[1].trial_id}
    supply = Supply(study, search, cost)
    seen = run_all(supply, make_record, stopped)
    assert [spec.in_phase(Phase.SEARCH) for spec in seen if spec.phase is Phase.AUDIT] == [search[1]]
    assert supply.complete
    assert not [spec for spec in run_all(Supply(study, search, cost), make_record) if spec.phase is Phase.AUDIT]


def test_the_default_configuration_is_confirmed_in_addition(study, make_record) -> None:
    """It has the first confirm seeds, and is not confirmed twice if it was selected."""
    study = with_audit(study, trials=0, default_seeds=1)
    search = plan_search(study, "d")
    supply = Supply(study, search, cost)
    for spec in search:
        default_wins = spec.architecture == "mlp"
        best = (spec in (search[0], search[3])) == default_wins
        supply.ended(make_record(spec, accuracies=(0.5, 0.9 if best else 0.6)))
    confirm = supply.specs[Phase.CONFIRM]
    assert [spec.seed for spec in confirm if spec.architecture == "mlp"] == [1, 2]
    lenet = [spec for spec in confirm if spec.architecture == "lenet5"]
    default = next(spec for spec in search if spec.architecture == "lenet5")
    assert [(spec.seed, spec.hyperparameters == default.hyperparameters) for spec in lenet] == [
        (1, False),
        (2, False),
        (1, True),
    ]


def test_seeds_of_one_configuration_can_be_trained_together(study, make_record) -> None:
    """Only confirm trials that differ in nothing but the seed are taken together, up to a limit."""
    supply = Supply(study, plan_search(study, "d"), cost)
    searched = [supply.next() for _ in range(6)]
    assert supply.take_together(searched[0], 31) == ()
    for spec in searched:
        supply.ended(make_record(spec))
    first = supply.next()
    assert first.phase is Phase.CONFIRM
    assert supply.take_together(first, 0) == ()
    [second] = supply.take_together(first, 31)
    assert second.differs_in_seed_only(first)
    assert second.seed != first.seed
    third, fourth = supply.next(), supply.next()
    assert {third.architecture, fourth.architecture} == {spec.architecture for spec in searched} - {first.architecture}
    assert supply.next() is None


def test_a_trial_that_lost_its_worker_is_retried_before_shorter_ones(study) -> None:
    """A retried trial is ordered by its cost, before shorter trials."""
    supply = Supply(study, plan_search(study, "d"), cost)
    handed_out = [supply.next() for _ in range(4)]
    lost = handed_out[0]
    supply.again(lost)
    assert supply.next() == lost
    assert [supply.next().architecture for _ in range(2)] == ["mlp", "mlp"]
    assert supply.next() is None


def confirming(study, make_record) -> tuple[Supply, TrialSpec]:
    """Finish the search, and return the supply and its first confirm trial.

    A second one is pending.
    """
    supply = Supply(study, plan_search(study, "d"), cost)
    for spec in [supply.next() for _ in range(6)]:
        supply.ended(make_record(spec))
    return supply, supply.next()


def test_a_retried_confirm_trial_takes_no_other_seed(study, make_record) -> None:
    """It is retried alone, because the program of several seeds may have ended the worker."""
    supply, first = confirming(study, make_record)
    assert not supply.is_another_attempt(first)
    supply.again(first)
    assert supply.is_another_attempt(first)
    assert supply.take_together(first, 31) == ()


def test_a_retried_confirm_trial_is_not_taken_by_another_seed(study, make_record) -> None:
    """Another seed, which has not lost its worker, is trained without it."""
    supply, first = confirming(study, make_record)
    [second] = supply.take_together(first, 31)
    supply.again(first)
    assert supply.take_together(second, 31) == ()


def finish(supply: Supply, make_record, accuracy_of) -> list:
    """Run all trials that the supply has, and return their records."""
    ended = []
    while (spec := supply.next()) is not None:
        record = make_record(spec, accuracies=(0.1, accuracy_of(spec)))
        supply.ended(record)
        ended.append(record)
    return ended


@pytest.mark.parametrize(("accuracy_of_new", "confirmed_anew"), [(0.2, 0), (0.9, 2)])
def test_an_enlarged_search_trains_only_new_trials(make_record, accuracy_of_new, confirmed_anew) -> None:
    """One more configuration costs one trial, and two more confirm trials if it is selected."""

    def enlarged(rates):
        space = {"epochs": 2, "learning_rate": {"grid": rates}}
        return parse_study({"name": "s", "confirm": {"seeds": 2}, "architectures": {"mlp": {"space": space}}}, "test")

    def accuracy(spec):
        return {0.1: 0.7, 0.3: accuracy_of_new}.get(spec.hyperparameters["learning_rate"], 0.5)

    small, large = enlarged([0.1]), enlarged([0.1, 0.3])
    before = finish(Supply(small, plan_search(small, "d"), cost), make_record, accuracy)
    supply = Supply(large, plan_search(large, "d"), cost, finished=before)
    after = finish(supply, make_record, accuracy)
    assert [r.spec.hyperparameters["learning_rate"] for r in after if r.spec.phase is Phase.SEARCH] == [0.3]
    assert sum(r.spec.phase is Phase.CONFIRM for r in after) == confirmed_anew
    assert supply.complete
    assert len(supply.records) == len(before) + len(after)
    assert {r.spec.hyperparameters["learning_rate"] for r in supply.confirmed} == {0.3 if confirmed_anew else 0.1}
