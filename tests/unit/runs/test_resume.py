"""Whether a run may go on: its study, its code, its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import HarnessError, RunFolderError
from harness.records.trial import Status
from harness.runs import provenance
from harness.runs.paths import RunFolder
from harness.runs.resume import begun_environment, begun_study, changed_code, check_code, usable
from harness.study import parse_study, study_yaml

STUDY = parse_study({"name": "s", "architectures": {"mlp": {}}}, "test")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run folder with a study and an environment."""
    folder = RunFolder.create(tmp_path / "run")
    folder.study.write_text(study_yaml(STUDY), encoding="utf-8")
    written = {
        "study": STUDY.model_dump(mode="json"),
        "code": provenance.code_fingerprints(["mlp"]),
        "commit": "abc",
    }
    folder.environment.write_text(json.dumps(written), encoding="utf-8")
    return folder


def change(folder: RunFolder, **values: object) -> None:
    written = json.loads(folder.environment.read_text(encoding="utf-8")) | values
    folder.environment.write_text(json.dumps(written), encoding="utf-8")


def test_the_study_of_a_run_is_the_one_that_it_began_with(folder: RunFolder) -> None:
    """An edit of study.yaml does not change that; a folder without an environment has its study.yaml alone."""
    edited = STUDY.model_copy(update={"seed": 5})
    folder.study.write_text(study_yaml(edited), encoding="utf-8")
    assert begun_study(folder) == STUDY
    folder.environment.unlink()
    assert begun_environment(folder) == {}
    assert begun_study(folder) == edited


@pytest.mark.parametrize("content", ["", "[]", '{"study": 3}', "{" * 3000, '{"study": {"name": "x"}}'])
def test_a_damaged_environment_is_named(content: str, folder: RunFolder) -> None:
    """It is refused, not taken for an empty one."""
    folder.environment.write_text(content, encoding="utf-8")
    with pytest.raises(HarnessError, match=r"environment\.json"):
        begun_study(folder)


def test_changed_code_of_trained_architectures_is_refused_by_name(folder: RunFolder, make_spec, make_record) -> None:
    """Code of an architecture without a trial, or that the run knew nothing of, can be anything."""
    trained = [make_record(make_spec("mlp"))]
    check_code(folder, trained)
    good = provenance.code_fingerprints(["mlp"])
    change(folder, code=good | {"lenet5": "0"})
    check_code(folder, trained)
    change(folder, code=good | {"mlp": "0"})
    check_code(folder, [])
    assert changed_code(folder, trained) == ["mlp"]
    change(folder, code={"engine": "0"})
    with pytest.raises(RunFolderError, match=r"the code of engine is not the one .* check out commit abc"):
        check_code(folder, trained)


def test_failed_trials_are_kept_unless_they_shall_be_tried_again(folder: RunFolder, make_spec, make_record) -> None:
    """Everything else that has its files is kept."""
    good, bad = make_record(make_spec(seed=1)), make_record(make_spec(seed=2), status=Status.FAILED)
    assert usable(folder, (good, bad), retry_failed=False) == (good, bad)
    assert usable(folder, (good, bad), retry_failed=True) == (good,)
