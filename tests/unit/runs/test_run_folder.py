"""Tests of run folders and of files in them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.errors import RunFolderError
from harness.runs.files import trial_of, write_arrays, write_bytes, write_json
from harness.runs.paths import RunFolder


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    """A new run needs a folder that is empty or does not exist."""
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    with pytest.raises(RunFolderError, match="exists and is not empty; give another folder"):
        RunFolder.create(tmp_path / "used")
    (tmp_path / "empty").mkdir()
    assert RunFolder.create(tmp_path / "empty").path.is_dir()
    assert RunFolder.create(tmp_path / "new" / "below").path.is_dir()


def test_a_folder_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    """If a file is in the way, the error says that the folder cannot be written."""
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="cannot be written"):
        RunFolder.create(tmp_path / "file" / "run")


def test_only_a_run_folder_is_resumed(tmp_path: Path) -> None:
    """A folder without a study or a journal is not a run folder."""
    with pytest.raises(RunFolderError, match="there is no study"):
        RunFolder.existing(tmp_path)


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch) -> None:
    """After a failed write, the file has its old content and there is no other file."""
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_arrays_and_json_are_read_as_written(tmp_path: Path) -> None:
    """Arrays are read without pickle, and JSON has no NaN."""
    write_arrays(tmp_path / "a.npz", labels=np.arange(5), probabilities=np.eye(2, dtype=np.float32))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert sorted(file.files) == ["labels", "probabilities"]
        assert file["probabilities"].dtype == np.float32
    write_json(tmp_path / "a.json", {"name": "é"})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"name": "é"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", {"x": float("nan")})


def test_a_folder_is_locked_by_one_process(tmp_path: Path) -> None:
    """A second process is refused at once. The lock is released if the first process is killed."""
    script = (
        "import sys, time; from pathlib import Path; from harness.runs.paths import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).held():\n"
        "    print('held', flush=True); time.sleep(3600)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(RunFolderError, match="another process is running a study in this folder"),
            RunFolder(tmp_path).held(),
        ):
            pass
    finally:
        other.kill()
        other.wait()
    with RunFolder(tmp_path).held():
        pass
    with RunFolder(tmp_path).held():
        assert RunFolder.create(tmp_path).path == tmp_path  # the lock file alone does not make a folder non-empty


def test_a_file_of_predictions_has_the_id_of_its_trial(tmp_path: Path) -> None:
    """The id is empty for old files without one, and None for a missing or damaged file."""
    write_arrays(tmp_path / "new.npz", labels=np.arange(2), trial_id=np.array("0123456789ab"))
    write_arrays(tmp_path / "old.npz", labels=np.arange(2))
    (tmp_path / "broken.npz").write_bytes((tmp_path / "new.npz").read_bytes()[:70])
    assert trial_of(tmp_path / "new.npz") == "0123456789ab"
    assert trial_of(tmp_path / "old.npz") == ""
    assert trial_of(tmp_path / "broken.npz") is None
    assert trial_of(tmp_path / "nothing.npz") is None
