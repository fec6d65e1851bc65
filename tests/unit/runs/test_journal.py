"""Tests of the journal: records are complete, in order, and on disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from harness.errors import RunFolderError
from harness.records.trial import Status
from harness.runs.journal import Journal, latest_records, read_journal


def test_records_come_back_equal_and_in_order(tmp_path: Path, make_spec, make_record) -> None:
    """Reading gives the records that were appended."""
    records = (
        make_record(make_spec(seed=1)),
        make_record(make_spec(seed=2), status=Status.FAILED, reason='diverged: "nan"\nin epoch 1 | <b>', accuracies=()),
    )
    with Journal(tmp_path / "journal.jsonl") as journal:
        for record in records:
            journal.append(record)
    assert read_journal(tmp_path / "journal.jsonl") == records


def test_a_record_is_on_disk_when_append_returns(tmp_path: Path, make_spec, make_record, monkeypatch) -> None:
    """Each line is flushed and synchronised with the disk before `append` returns."""
    synced: list[bytes] = []
    path = tmp_path / "journal.jsonl"
    real = os.fsync
    journal = Journal(path)
    monkeypatch.setattr("os.fsync", lambda fd: (real(fd), synced.append(path.read_bytes())))
    journal.append(make_record(make_spec()))
    assert len(synced) == 1
    assert synced[0].endswith(b"\n")
    journal.close()


def test_an_incomplete_last_line_is_removed(tmp_path: Path, make_spec, make_record) -> None:
    """After a crash during a write, only that record is missing. The next record is complete."""
    path = tmp_path / "journal.jsonl"
    first, second = make_record(make_spec(seed=1)), make_record(make_spec(seed=2))
    with Journal(path) as journal:
        journal.append(first)
    with path.open("ab") as file:
        file.write(b'{"trial_id": "torn')
    assert read_journal(path) == (first,)
    with Journal(path) as journal:
        journal.append(second)
    assert read_journal(path) == (first, second)


def test_a_damaged_line_is_an_error_with_its_number(tmp_path: Path, make_spec, make_record) -> None:
    """A complete line that is not a record is an error with its number."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(make_record(make_spec()).model_dump_json().encode() + b'\n{"x": 1}\n')
    with pytest.raises(RunFolderError, match="line 2 is not a trial record"):
        read_journal(path)
    with pytest.raises(RunFolderError, match="give a folder that a run has written"):
        read_journal(tmp_path / "nothing.jsonl")


def test_a_full_disk_is_an_error_that_names_the_trial(tmp_path: Path, make_spec, make_record, monkeypatch) -> None:
    """If the disk is full, the error names the trial."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(tmp_path / "journal.jsonl") as journal:
        monkeypatch.setattr("os.fsync", full)
        record = make_record(make_spec())
        with pytest.raises(RunFolderError, match=f"{record.trial_id} could not be recorded: No space left"):
            journal.append(record)


def test_a_real_full_disk_raises_a_single_error(tmp_path: Path, make_spec, make_record) -> None:
    """A real ENOSPC gives an error with trial and remedy, and closing raises no other error."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.close()
    journal._file = full = Path("/dev/full").open("ab", buffering=0)  # noqa: SIM115 - the journal closes it
    path.unlink()
    path.symlink_to("/dev/full")
    said = r"could not be recorded: No space left on device; free some disk space"
    with pytest.raises(RunFolderError, match=said), journal:
        journal.append(make_record(make_spec()))
    assert full.closed


def test_a_removed_or_replaced_journal_refuses_records(tmp_path: Path, make_spec, make_record) -> None:
    """Appending is an error after the journal file was removed or replaced."""
    path = tmp_path / "journal.jsonl"
    for change in (lambda: path.unlink(), lambda: path.unlink() or path.write_bytes(b"")):
        with Journal(path) as journal:
            journal.append(make_record(make_spec()))
            change()
            with pytest.raises(RunFolderError, match="the folder or the file was moved or removed during the run"):
                journal.append(make_record(make_spec(seed=1)))


def test_the_last_record_of_a_trial_is_used(tmp_path: Path, make_spec, make_record) -> None:
    """The last record of a retried trial replaces the first one in its place."""
    failed = make_record(make_spec(seed=1), status=Status.FAILED, accuracies=())
    other, again = make_record(make_spec(seed=2)), make_record(make_spec(seed=1))
    assert latest_records([failed, other, again]) == (again, other)
