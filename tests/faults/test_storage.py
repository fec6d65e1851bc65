"""Tests of a disk that is full or read-only, and of missing or damaged files."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from fault_runs import journal, lines

from harness.records.trial import Status

pytestmark = [pytest.mark.slow, pytest.mark.ray]

ARCHITECTURES = {
    "mlp": {"space": {"epochs": 3, "batch_size": 32, "learning_rate": {"grid": [0.0003, 0.001, 0.003]}}},
    "advanced_mlp": {"space": {"epochs": 3, "batch_size": 32}},
}


def can_mount() -> bool:
    """Return whether this user may mount a small disk in a separate namespace."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def on_a_disk_of(megabytes: int, folder: Path, then: str) -> list[str]:
    """Return a shell command in a namespace where `folder` is a disk of this size.

    In `then`, `"$@"` is the harness command.
    """
    mount = f"mount -t tmpfs -o size={megabytes}m tmpfs {folder}"
    shell = f"{mount} && {then}"
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", shell, "sh"]


@pytest.mark.exhaustive
@pytest.mark.skipif(not can_mount(), reason="this system lets no user mount a disk of one megabyte")
def test_a_full_disk_ends_the_run_in_a_sentence_and_room_lets_it_go_on(start, write_study, tmp_path: Path) -> None:
    """The run ends when the disk is full.

    With more space it is resumed, and no trial is repeated.
    """
    disk, copies = tmp_path / "disk", tmp_path / "copies"
    disk.mkdir()
    copies.mkdir()
    resume = f'"$1" -m harness.run --resume {disk}/run'
    script = (
        f'"$@"; echo first $? > {copies}/codes; cp {disk}/run/journal.jsonl {copies}/before.jsonl; '
        f"mount -o remount,size=64m {disk}; {resume}; echo second $? >> {copies}/codes; cp -r {disk}/run {copies}/"
    )
    study = write_study(ARCHITECTURES, confirm={"seeds": 6})
    full = f"head -c 900000 /dev/zero > {disk}/filler && {script}"
    command = start("--all", "--config", study, "--output", disk / "run", before=on_a_disk_of(1, disk, full))
    command.end()
    codes = (copies / "codes").read_text(encoding="utf-8").split()
    assert codes == ["first", "2", "second", "0"], command.stderr
    assert "No space left on device" in command.stderr
    assert "finished trials are kept; to resume: python -m harness.run --resume" in command.stderr
    assert "Traceback" not in command.stderr
    before = (copies / "before.jsonl").read_bytes()
    after = (copies / "run" / "journal.jsonl").read_bytes()
    whole = before[: before.rfind(b"\n") + 1]
    assert whole
    assert after.startswith(whole)
    records = journal(copies / "run")
    assert len({record.trial_id for record in records}) == len(records) == 5 + 12
    assert all(record.status is not Status.FAILED for record in records)


@pytest.mark.exhaustive
@pytest.mark.skipif(not can_mount(), reason="this system lets no user mount a disk of one megabyte")
def test_a_read_only_folder_is_refused_in_a_sentence(start, write_study, tmp_path: Path) -> None:
    """New and resumed runs are refused before any trial starts."""
    disk, old = tmp_path / "disk", tmp_path / "old"
    disk.mkdir()
    study = write_study(ARCHITECTURES)
    first = start("--all", "--config", study, "--output", old)
    first.wait_until(lambda: lines(old) >= 1)
    first.kill_all()
    read_only = f"mount -o remount,ro {disk}"
    resume = f'mkdir {disk}/run && cp -r {old}/. {disk}/run && {read_only} && "$1" -m harness.run --resume {disk}/run'
    for then in (f'{read_only} && "$@"', resume):
        command = start("--all", "--config", study, "--output", disk / "run", before=on_a_disk_of(16, disk, then))
        assert command.end() == 2, command.stderr
        assert "Read-only file system" in command.stderr
        assert command.stderr.count("\n") == 1


@pytest.mark.exhaustive
def test_a_folder_that_is_removed_under_a_run_ends_it_in_a_sentence(start, write_study, tmp_path: Path) -> None:
    """The run ends, and nothing is written to the removed folder."""
    folder = tmp_path / "run"
    study = write_study({"mlp": {"space": {"epochs": 12, "batch_size": 8, "units": {"grid": [64, 128, 256]}}}})
    command = start("--all", "--config", study, "--output", folder)
    command.wait_until(lambda: lines(folder) >= 1)
    shutil.rmtree(folder.rename(tmp_path / "removed"))  # without delay, while the command writes
    assert command.end() == 2, command.stderr
    assert (
        "could not be recorded: No such file or directory; the folder or the file was moved or removed"
        in command.stderr
    )
    assert not (folder / "predictions").exists()
    command.assert_nothing_is_left()


@pytest.mark.exhaustive
def test_a_journal_whose_last_line_is_torn_loses_that_line_alone(start, write_study, tmp_path: Path) -> None:
    """Only the trial of the incomplete line is trained again."""
    folder = tmp_path / "run"
    command = start("--all", "--config", write_study(ARCHITECTURES), "--output", folder)
    assert command.end() == 0, command.stderr
    path = folder / "journal.jsonl"
    whole, records = path.read_bytes(), journal(folder)
    path.write_bytes(whole[:-100])
    resumed = start("--resume", folder)
    assert resumed.end() == 0, resumed.stderr
    again = journal(folder)
    assert again[:-1] == records[:-1]
    assert again[-1].trial_id == records[-1].trial_id
    assert again[-1].test == records[-1].test


@pytest.mark.exhaustive
def test_predictions_that_were_lost_are_made_again(start, write_study, tmp_path: Path) -> None:
    """A confirm trial with missing or damaged predictions is trained again, with equal results."""
    folder = tmp_path / "run"
    command = start("--all", "--config", write_study(ARCHITECTURES), "--output", folder)
    assert command.end() == 0, command.stderr
    gone, damaged = folder / "predictions" / "mlp-seed1.npz", folder / "predictions" / "advanced_mlp-seed2.npz"
    content = gone.read_bytes()
    gone.unlink()
    damaged.write_bytes(damaged.read_bytes()[:1000])
    records = journal(folder)
    resumed = start("--resume", folder)
    assert resumed.end() == 0, resumed.stderr
    new = journal(folder)[len(records) :]
    assert sorted((r.spec.architecture, r.spec.seed) for r in new) == [("advanced_mlp", 2), ("mlp", 1)]
    assert {r.trial_id: r.test for r in new}.items() <= {r.trial_id: r.test for r in records}.items()
    with np.load(io.BytesIO(content)) as before, np.load(gone) as after:
        assert np.array_equal(before["probabilities"], after["probabilities"])
