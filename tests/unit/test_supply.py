"""The supply: which trial comes next."""

from __future__ import annotations

import pytest

from harness.plan import plan_search
from harness.study import parse_study
from harness.supply import Supply
from harness.trial import Phase, Status


@pytest.fixture
def study():
    """Two architectures of three search trials, two confirm seeds each."""
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


def test_every_architecture_begins_before_the_longest_goes_on(study) -> None:
    """The longest architecture comes first, then the others once, then the longest trials that are left."""
    supply = Supply(study, plan_search(study, "d"), cost)
    order = [supply.next().architecture for _ in range(6)]
    assert order == ["lenet5", "mlp", "lenet5", "lenet5", "mlp", "mlp"]
    assert supply.next() is None
    assert not supply.exhausted


def test_trials_of_equal_cost_keep_the_order_of_the_plan(study) -> None:
    """The default configuration is tried first, and confirm seeds follow each other."""
    search = plan_search(study, "d")
    supply = Supply(study, search, cost=lambda spec: 1.0)
    handed_out = [supply.next() for _ in range(6)]
    for name in ("mlp", "lenet5"):
        assert [s for s in handed_out if s.architecture == name] == [s for s in search if s.architecture == name]


def test_measured_seconds_correct_the_expected_order(study, make_record) -> None:
    """An architecture that takes longer than its computations suggest is moved forward."""
    supply = Supply(study, plan_search(study, "d"), cost)
    lenet, mlp = supply.next(), supply.next()
    slow = [epoch.model_copy(update={"train_seconds": 500.0}) for epoch in make_record(mlp).epochs]
    supply.ended(make_record(lenet))
    supply.ended(make_record(mlp).model_copy(update={"epochs": tuple(slow)}))
    assert [supply.next().architecture for _ in range(4)] == ["mlp", "mlp", "lenet5", "lenet5"]


def test_confirm_trials_come_when_their_architecture_is_searched_and_not_before(study, make_record) -> None:
    """An architecture is confirmed while another is still searched; its winner is the best on validation."""
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


def test_it_is_exhausted_when_both_phases_of_all_have_ended(study, make_record) -> None:
    """Every trial is handed out exactly once: 3 search and 2 confirm trials of each architecture."""
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
    """With no completed trial there is no configuration to confirm, and the rest goes on."""
    supply = Supply(study, plan_search(study, "d"), cost)
    while not supply.exhausted:
        spec = supply.next()
        failed = spec.architecture == "lenet5"
        supply.ended(make_record(spec, status=Status.FAILED if failed else Status.COMPLETED, reason="x"))
    assert {spec.architecture for spec in supply.specs[Phase.CONFIRM]} == {"mlp"}


def test_what_had_finished_is_not_handed_out_again(study, make_record) -> None:
    """A resumed supply gives the rest, confirm trials included."""
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


def test_an_abandoned_supply_hands_out_nothing(study) -> None:
    """After a record could not be kept, nothing more begins, and the study is not complete."""
    supply = Supply(study, plan_search(study, "d"), cost)
    supply.next()
    supply.abandon()
    assert supply.next() is None
    assert supply.exhausted
    assert not supply.complete
