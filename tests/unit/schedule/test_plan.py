"""Tests of the plan of a study: its trials and their identity."""

from __future__ import annotations

import pytest

from architectures import BUILT_IN
from harness.records.trial import Phase
from harness.schedule.plan import confirm_seeds, plan_confirm, plan_search
from harness.study import Study, parse_study


def study_of(space: dict[str, object], samples: int = 1, architecture: str = "mlp", seed: int = 0) -> Study:
    search = {"samples": samples, "space": space}
    return parse_study({"name": "s", "seed": seed, "architectures": {architecture: search}}, "test")


def test_the_default_configuration_is_the_first_trial() -> None:
    """The first trial has the fixed values of the study and the defaults of the architecture."""
    first = plan_search(study_of({"epochs": 3, "units": {"grid": [8, 16]}}), "d")[0]
    assert first.hyperparameters == BUILT_IN["mlp"].hyperparameters(epochs=3).model_dump()


def test_a_grid_is_searched_completely() -> None:
    """After the default configuration, every combination of the grid values is tried once."""
    grids = {"learning_rate": {"grid": [0.1, 0.2]}, "hidden_layers": {"grid": [1, 2, 3]}, "units": {"grid": [8, 16]}}
    trials = plan_search(study_of(grids), "d")[1:]
    points = [tuple(t.hyperparameters[name] for name in grids) for t in trials]
    assert len(points) == len(set(points)) == 12


def test_a_repeated_configuration_is_tried_once() -> None:
    """A grid point that equals the default configuration is not tried again."""
    default = BUILT_IN["mlp"].hyperparameters().units
    assert len(plan_search(study_of({"units": {"grid": [default, default + 1]}}), "d")) == 2


def test_samples_are_drawn_for_each_grid_point() -> None:
    """The number of trials is samples x grid points, plus the default configuration."""
    space = {"units": {"grid": [8, 16]}, "learning_rate": {"loguniform": [0.001, 0.1]}}
    assert len(plan_search(study_of(space, samples=3), "d")) == 1 + 3 * 2


@pytest.mark.parametrize(
    ("space", "allowed"),
    [
        ({"learning_rate": {"loguniform": [0.001, 0.1]}}, lambda v: 0.001 <= v <= 0.1),
        ({"dropout": {"uniform": [0.1, 0.3]}}, lambda v: 0.1 <= v <= 0.3),
        ({"units": {"randint": [5, 9]}}, lambda v: v in (5, 6, 7, 8)),
        ({"activation": {"choice": ["relu", "gelu"]}}, lambda v: v in ("relu", "gelu")),
    ],
)
def test_random_samples_are_in_their_range_and_differ(space: dict[str, object], allowed: object) -> None:
    """Samples are within the bounds, and not all of them are equal."""
    name = next(iter(space))
    trials = plan_search(study_of(space, samples=40), "d")
    drawn = [trial.hyperparameters[name] for trial in trials if trial is not trials[0]]
    assert all(allowed(value) for value in drawn)
    assert len({trial.hyperparameters[name] for trial in trials}) > 1


def test_samples_depend_only_on_study_seed_and_architecture() -> None:
    """Other architectures in the study do not change the samples, but another seed does."""
    space = {"learning_rate": {"loguniform": [0.001, 0.1]}}
    alone = plan_search(study_of(space, samples=4), "d")
    both = parse_study({"name": "s", "architectures": {"lenet5": {}, "mlp": {"samples": 4, "space": space}}}, "test")
    assert [t for t in plan_search(both, "d") if t.architecture == "mlp"] == list(alone)
    assert plan_search(study_of(space, samples=4, seed=1), "d")[1:] != alone[1:]


def test_every_part_of_a_specification_changes_the_id(make_spec) -> None:
    """Equal specifications have the same id, and every part of a specification changes it."""
    base = make_spec()
    assert base.trial_id == make_spec().trial_id
    changed = [
        make_spec(units=9),
        make_spec(seed=1),
        make_spec("lenet5"),
        make_spec(phase=Phase.CONFIRM),
        make_spec(epochs=3),
    ]
    assert len({spec.trial_id for spec in (base, *changed)}) == 6


def test_confirm_trials_have_the_selected_configuration_and_new_seeds(make_spec, make_record) -> None:
    """The seeds are not used in the search, and they are the same for every architecture."""
    study = study_of({}, seed=7)
    for architecture in ("mlp", "lenet5"):
        selected = make_record(make_spec(architecture, seed=7))
        confirm = plan_confirm(study, selected)
        assert [spec.seed for spec in confirm] == list(confirm_seeds(study)) == [8, 9, 10, 11, 12]
        assert all(spec.hyperparameters == selected.spec.hyperparameters for spec in confirm)
        assert len({spec.trial_id for spec in confirm} | {selected.trial_id}) == 6
