"""Tests of studies: reading YAML, and the errors of invalid studies."""

from __future__ import annotations

from pathlib import Path

import pytest

from architectures import BUILT_IN
from harness.errors import StudyError
from harness.runs.resume import continued
from harness.schedule.plan import plan_search
from harness.study import SHIPPED, Override, load_study, parse_study, study_yaml
from harness.study.space import Grid
from harness.study.yaml_text import read_yaml

SMALL = {"name": "small", "architectures": {"mlp": {}}}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_studies_are_valid_and_search_every_architecture(name: str) -> None:
    """Each parses under its name and has all architectures, except for the one about speed."""
    study = load_study(name)
    assert study.name == name
    assert set(study.architectures) == ({"advanced_cnn"} if name == "speedrun" else set(BUILT_IN))


def test_the_speedrun_searches_nothing_and_has_thirty_seeds() -> None:
    """The study "speedrun" trains one configuration for two epochs, with thirty seeds."""
    study = load_study("speedrun")
    [spec] = plan_search(study, "d")
    assert spec.epochs == 2
    assert study.confirm.seeds == 30


def test_the_default_study_has_five_seeds_and_a_full_grid() -> None:
    """The MLP has a grid of at least 27 points, and each architecture has five confirm seeds."""
    study = load_study("default")
    assert study.confirm.seeds == 5
    grid = {name: p.grid for name, p in study.space("mlp").items() if isinstance(p, Grid)}
    assert set(grid) == {"learning_rate", "hidden_layers", "units"}
    points = {
        tuple(spec.hyperparameters[name] for name in grid)
        for spec in plan_search(study, "d")
        if spec.architecture == "mlp"
    }
    assert len(points) >= 27
    assert load_study("full").confirm.seeds == 10


def test_a_written_study_is_read_unchanged(tmp_path: Path) -> None:
    """The study.yaml of a run folder gives the same study."""
    study = load_study("default")
    path = tmp_path / "study.yaml"
    path.write_text(study_yaml(study), encoding="utf-8")
    assert load_study(str(path)) == study


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"datset": {}}, "datset: unknown key; did you mean 'dataset'?"),
        ({"confirm": {"seed": 3}}, "confirm.seed: unknown key; did you mean 'seeds'?"),
        ({"confirm": {"seeds": 0}}, "confirm.seeds: invalid value 0: input should be greater than or equal to 1"),
        ({"confirm": {"seeds": "five"}}, "confirm.seeds: invalid value 'five': input should be a valid integer"),
        ({"precision": "fp16"}, "precision: invalid value 'fp16'"),
        ({"name": "../x"}, "name: invalid value '../x'"),
        ({"architectures": {}}, "architectures: invalid value {}"),
        ({"architectures": {"lenet": {}}}, "unknown architecture 'lenet'; did you mean 'lenet5'?"),
        ({"architectures": {"mlp": {"spaces": {}}}}, "architectures.mlp.spaces: unknown key; did you mean 'space'?"),
    ],
)
def test_an_invalid_study_is_an_error_of_one_sentence(change: dict[str, object], said: str) -> None:
    """The error names the file, the key and the remedy."""
    with pytest.raises(StudyError) as caught:
        parse_study(SMALL | change, "my.yaml")
    assert str(caught.value).startswith("my.yaml: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"learnig_rate": 0.1}, "mlp has no hyperparameter 'learnig_rate'; did you mean 'learning_rate'?"),
        (
            {"units": {"gird": [1]}},
            "units: invalid value {'gird': [1]}: expected a single value or exactly one of grid, choice",
        ),
        ({"units": {"grid": []}}, "units.grid: invalid value []: the search space is empty"),
        ({"units": {"grid": [8, 8]}}, "a value is listed twice"),
        ({"units": {"grid": [8, "big"]}}, "units: invalid value 'big'"),
        ({"units": {"grid": [8], "choice": [9]}}, "exactly one of grid, choice"),
        ({"units": [8, 16]}, "like {grid: [1, 2, 4]}"),
        ({"units": {"randint": [8, 65_538]}}, "units: invalid value 65537"),
        ({"units": {"randint": [8, 8]}}, "the search space is empty because low 8 is not below high 8"),
        ({"units": {"randint": [8.5, 9]}}, "units.randint.0: invalid value 8.5: input should be a valid integer"),
        ({"units": {"uniform": [1.0, 9.0]}}, "units: invalid value 1.0"),
        ({"dropout": {"uniform": [0.5, 1.5]}}, "dropout: invalid value 1.5"),
        (
            {"learning_rate": {"loguniform": [0, 0.1]}},
            "learning_rate.loguniform.0: invalid value 0: input should be greater than 0",
        ),
        (
            {"learning_rate": {"loguniform": ["1e-4", 0.1]}},
            "loguniform.0: invalid value '1e-4': input should be a valid number",
        ),
        ({"learning_rate": "1e-4"}, "invalid value '1e-4': input should be a valid number"),
        ({"learning_rate": {"uniform": [0.1]}}, "expected [low, high] as two numbers"),
        (
            {"learning_rate": {"uniform": [0.1, float("inf")]}},
            "learning_rate.uniform.1: invalid value inf: input should be a finite",
        ),
        ({"units": {"grid": 8}}, "units.grid: invalid value 8: input should be a list"),
        ({"units": None}, "units: invalid value None: expected a single value"),
        ({"optimizer": "adamx"}, "optimizer: invalid value 'adamx'"),
        ({"hidden_layers": True}, "hidden_layers: invalid value True"),
    ],
)
def test_an_invalid_search_space_is_an_error_of_one_sentence(space: dict[str, object], said: str) -> None:
    """Every value of the search space is checked against the type of its hyperparameter."""
    with pytest.raises(StudyError) as caught:
        parse_study(SMALL | {"architectures": {"mlp": {"space": space}}}, "my.yaml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("my.yaml: architectures.mlp.space.")


def test_files_without_a_study_are_refused(tmp_path: Path) -> None:
    """Missing, broken, empty and binary files have different errors."""
    with pytest.raises(StudyError, match="no study or file of this name; give a file, or one of default"):
        load_study("defalt")
    broken, empty, binary = tmp_path / "broken.yaml", tmp_path / "empty.yaml", tmp_path / "binary.yaml"
    broken.write_text("a: [1", encoding="utf-8")
    empty.write_text("", encoding="utf-8")
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyError, match="not valid YAML"):
        load_study(str(broken))
    with pytest.raises(StudyError, match="a study must be a mapping"):
        load_study(str(empty))
    with pytest.raises(StudyError, match="cannot be read"):
        load_study(str(binary))


def test_yaml_cannot_create_objects(tmp_path: Path) -> None:
    """A tag that would run Python code is refused."""
    path = tmp_path / "evil.yaml"
    path.write_text("name: !!python/object/apply:os.getcwd []", encoding="utf-8")
    with pytest.raises(StudyError, match="not valid YAML"):
        load_study(str(path))


def test_set_changes_one_value_and_adds_missing_keys() -> None:
    """--set changes one key of the study, and the others remain."""
    study = load_study("smoke", [Override.parse("confirm.seeds=3"), Override.parse("resources.cpus=2")])
    assert (study.confirm.seeds, study.resources.cpus) == (3, 2)
    assert study.architectures == load_study("smoke").architectures
    with pytest.raises(StudyError, match=r"^smoke with changes: confirm.seds: .*did you mean 'seeds'"):
        load_study("smoke", [Override.parse("confirm.seds=3")])
    for text in ("confirm.seeds", "=3", "a..b=3", "a=[1"):
        with pytest.raises(StudyError, match=r"expected key\.path=value|not valid YAML"):
            Override.parse(text)


def test_restricting_keeps_the_space_of_the_named_architectures() -> None:
    """The names can be any architectures of the registry, also those that are not in the study."""
    study = load_study("default").restricted_to(["mlp"])
    assert list(study.architectures) == ["mlp"]
    assert study.architectures["mlp"] == load_study("default").architectures["mlp"]
    assert list(parse_study(SMALL, "x").restricted_to(["lenet5"]).architectures) == ["lenet5"]
    with pytest.raises(StudyError, match="did you mean 'mlp'"):
        study.restricted_to(["mpl"])


def test_a_written_study_has_all_keys(tmp_path: Path) -> None:
    """The study.yaml of a run has every key, including defaults."""
    written = read_yaml(study_yaml(parse_study(SMALL, "x")))
    assert {"name", "seed", "precision", "dataset", "early_stopping", "confirm", "resources"} <= set(written)


def test_a_study_with_too_many_trials_is_refused() -> None:
    """The points of a grid are counted before they are created."""
    rates = [0.001 * step for step in range(1, 400)]
    grid = {"learning_rate": {"grid": rates}, "units": {"grid": list(range(8, 400))}}
    with pytest.raises(StudyError, match="156,409 trials exceed the maximum of 100,000"):
        parse_study(SMALL | {"architectures": {"mlp": {"space": grid}}}, "x")


def test_a_file_that_is_too_large_is_refused() -> None:
    """A device that never ends is refused as too large."""
    with pytest.raises(StudyError, match="has more than 1,048,576 bytes"):
        load_study("/dev/zero")


def test_a_run_is_resumed_only_with_an_enlarged_study() -> None:
    """Architectures, spaces and seeds can be added. All changes that are not allowed are named."""
    began = parse_study(SMALL | {"architectures": {"mlp": {}, "lenet5": {}}}, "x")
    larger = parse_study(
        SMALL
        | {
            "description": "more",
            "confirm": {"seeds": 9},
            "max_failures": 0,
            "architectures": {"mlp": {"space": {"units": {"grid": [8, 16]}}}},
        },
        "x",
    )
    study = continued(began, larger)
    assert study.confirm.seeds == 9
    assert set(study.architectures) == {"mlp", "lenet5"}
    assert study.architectures["mlp"] == larger.architectures["mlp"]
    other = parse_study(SMALL | {"seed": 1, "dataset": {"name": "digits"}, "resources": {"cpus": 2}}, "x")
    with pytest.raises(StudyError) as caught:
        continued(began, other)
    for difference in ("seed was 0 and is 1", "dataset.name was mnist and is digits", "resources.cpus was 1 and is 2"):
        assert difference in str(caught.value)


def test_adding_an_architecture_does_not_change_the_others() -> None:
    """Architectures of the study keep their space, and a new one has its defaults."""
    study = load_study("default").restricted_to(["mlp"])
    more = study.with_architectures(["mlp", "lenet5"])
    assert more.architectures["mlp"] == study.architectures["mlp"]
    assert set(more.architectures) == {"mlp", "lenet5"}
    with pytest.raises(StudyError, match="did you mean 'lenet5'"):
        study.with_architectures(["lenet"])


def test_the_upper_end_of_randint_is_excluded() -> None:
    """The largest value that is drawn must be valid, and the end itself need not be."""
    study = {"name": "s", "architectures": {"mlp": {"space": {"units": {"randint": [8, 65_537]}}}}}
    assert parse_study(study, "s").space("mlp")["units"].randint == (8, 65_537)
