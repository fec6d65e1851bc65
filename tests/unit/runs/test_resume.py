"""Tests of resuming a run: its study, its code and its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from architectures import BUILT_IN
from harness.errors import HarnessError, RunFolderError
from harness.records.dataset import Dataset
from harness.records.trial import Phase, Placement, Status, TestResult
from harness.runs import provenance
from harness.runs.environment import Environment, Hardware, Timeline
from harness.runs.files import write_json
from harness.runs.paths import RunFolder
from harness.runs.resume import begun_environment, begun_study, changed_code, check_code, usable
from harness.study import parse_study, study_yaml

STUDY = parse_study({"name": "s", "architectures": {"mlp": {}}}, "test")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run folder with a study and an environment."""
    folder = RunFolder.create(tmp_path / "run")
    folder.study.write_text(study_yaml(STUDY), encoding="utf-8")
    environment = Environment(
        command="python -m harness.run --all",
        started_at="2026-01-01T00:00:00+00:00",
        versions={"python": "3.12"},
        hardware=Hardware(cpu="c", cores=2, memory_gib=8.0, system="Linux"),
        slots=2,
        dataset=Dataset(
            name="d", source="s", fingerprint="f", train=10, validation=5, test=5, classes=("a", "b"), shape=(1, 8, 8)
        ),
        timeline=Timeline(command_started=0.0),
        study=STUDY.model_dump(mode="json"),
        code=provenance.code_fingerprints([BUILT_IN["mlp"]]),
        commit="abc",
    )
    write_json(folder.environment, environment.model_dump(mode="json"))
    return folder


def change(folder: RunFolder, **values: object) -> None:
    written = json.loads(folder.environment.read_text(encoding="utf-8")) | values
    folder.environment.write_text(json.dumps(written), encoding="utf-8")


def test_the_study_of_a_run_is_the_one_that_it_started_with(folder: RunFolder) -> None:
    """An edited study.yaml is ignored, unless the run folder has no environment."""
    edited = STUDY.model_copy(update={"seed": 5})
    folder.study.write_text(study_yaml(edited), encoding="utf-8")
    assert begun_study(folder) == STUDY
    folder.environment.unlink()
    assert begun_environment(folder) is None
    assert begun_study(folder) == edited


@pytest.mark.parametrize("content", ["", "[]", '{"study": 3}', "{" * 3000, '{"study": {"name": "x"}}'])
def test_a_damaged_environment_is_refused(content: str, folder: RunFolder) -> None:
    """A damaged environment.json is an error and is not ignored."""
    folder.environment.write_text(content, encoding="utf-8")
    with pytest.raises(HarnessError, match=r"environment\.json"):
        begun_study(folder)


def test_changed_code_of_trained_architectures_is_refused_by_name(folder: RunFolder, make_spec, make_record) -> None:
    """Only the code of the engine and of architectures with trials must be unchanged."""
    trained = [make_record(make_spec("mlp"))]
    check_code(folder, trained)
    good = provenance.code_fingerprints([BUILT_IN["mlp"]])
    change(folder, code=good | {"lenet5": "0"})
    check_code(folder, trained)
    change(folder, code=good | {"mlp": "0"})
    check_code(folder, [])
    assert changed_code(folder, trained) == ["mlp"]
    change(folder, code={"engine": "0"})
    with pytest.raises(RunFolderError, match=r"the code of engine has changed .* check out commit abc"):
        check_code(folder, trained)


def test_failed_trials_are_kept_unless_they_are_retried(folder: RunFolder, make_spec, make_record) -> None:
    """With retry_failed, failed trials are dropped. All other trials with their files are kept."""
    good, bad = make_record(make_spec(seed=1)), make_record(make_spec(seed=2), status=Status.FAILED)
    assert usable(folder, (good, bad), retry_failed=False) == (good, bad)
    assert usable(folder, (good, bad), retry_failed=True) == (good,)


def test_a_confirm_trial_without_its_predictions_is_run_again(folder: RunFolder, make_spec, make_record) -> None:
    """The report needs the predictions of each confirmed model."""
    confirmed = make_record(make_spec(phase=Phase.CONFIRM), test=TestResult(accuracy=0.9, loss=0.3, images=300))
    assert usable(folder, (confirmed,), retry_failed=False) == ()


def test_a_resumed_run_keeps_what_is_needed_to_repeat_it(folder: RunFolder, make_spec, make_record) -> None:
    """Command, start, commit and code remain, and times of resuming and changed code are added."""
    first = begun_environment(folder)
    second = first.model_copy(update={"command": "again", "started_at": "later", "commit": "d", "code": {"new": "1"}})
    resumed = second.after(first.model_copy(update={"changed_code": ("mlp",)}), ["engine"])
    assert (resumed.command, resumed.started_at, resumed.commit) == (first.command, first.started_at, "abc")
    assert resumed.code == {"new": "1", **first.code}
    assert resumed.changed_code == ("engine", "mlp")
    assert resumed.after(resumed, []).resumed_at == ("later", first.started_at)


def test_an_environment_has_devices_and_times_of_its_trials(folder: RunFolder, make_spec, make_record) -> None:
    """Times are those of this part of the run. A run without a cost pass counts as interrupted."""
    begun = begun_environment(folder).model_copy(update={"timeline": Timeline(command_started=100.0)})
    place = Placement(node="n", device="cuda", threads=3, precision="bf16", captured=True, together=4)
    records = [
        make_record(make_spec(seed=1), started_at=50.0, ended_at=60.0),
        make_record(make_spec(seed=2), started_at=120.0, ended_at=130.0, placement=place),
    ]
    ended = begun.with_trials(records, {"experiment_ended": 140.0}, complete=True)
    assert (ended.devices, ended.threads, ended.precision) == (("cuda",), (3,), ("bf16",))
    assert (ended.captured, ended.together, ended.interrupted) == (True, 4, True)
    timeline = ended.timeline
    assert (timeline.first_step, timeline.last_trial_ended, timeline.experiment_ended) == (120.0, 130.0, 140.0)
    assert not begun.with_trials(records, {"cost_pass_ended": 150.0}, complete=True).interrupted
    assert begun.with_trials(records, {"cost_pass_ended": 150.0}, complete=False).interrupted
