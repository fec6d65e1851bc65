"""The journal: what was appended is there, whole, and nothing else is."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from harness.errors import RunFolderError
from harness.records.trial import Status
from harness.runs.journal import Journal, latest_records, read_journal


def test_records_come_back_equal_and_in_order(tmp_path: Path, make_spec, make_record) -> None:
    """What is read is what was appended."""
    records = (
        make_record(make_spec(seed=1)),
        make_record(make_spec(seed=2), status=Status.FAILED, reason='diverged: "nan"\nin epoch 1 | <b>', accuracies=()),
    )
    with Journal(tmp_path / "journal.jsonl") as journal:
        for record in records:
            journal.append(record)
    assert read_journal(tmp_path / "journal.jsonl") == records


def test_a_record_is_on_disk_when_append_returns(tmp_path: Path, make_spec, make_record, monkeypatch) -> None:
    """Each line is flushed and synchronised before anything can follow from it."""
    synced: list[bytes] = []
    path = tmp_path / "journal.jsonl"
    real = os.fsync
    journal = Journal(path)
    monkeypatch.setattr("os.fsync", lambda fd: (real(fd), synced.append(path.read_bytes())))
    journal.append(make_record(make_spec()))
    assert len(synced) == 1
    assert synced[0].endswith(b"\n")
    journal.close()


def test_a_torn_last_line_is_not_a_record_and_is_cut_off_on_opening(tmp_path: Path, make_spec, make_record) -> None:
    """A crash in mid-write loses that record alone, and the next one is whole again."""
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


def test_a_damaged_line_is_named(tmp_path: Path, make_spec, make_record) -> None:
    """A whole line that is no record is an error with its number, never skipped."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(make_record(make_spec()).model_dump_json().encode() + b'\n{"x": 1}\n')
    with pytest.raises(RunFolderError, match="line 2 is not a trial record"):
        read_journal(path)
    with pytest.raises(RunFolderError, match="give a folder that a run has written"):
        read_journal(tmp_path / "nothing.jsonl")


def test_a_full_disk_is_said_in_words(tmp_path: Path, make_spec, make_record, monkeypatch) -> None:
    """Running out of room is an error that names the file and the trial."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(tmp_path / "journal.jsonl") as journal:
        monkeypatch.setattr("os.fsync", full)
        record = make_record(make_spec())
        with pytest.raises(RunFolderError, match=f"{record.trial_id} could not be recorded: No space left"):
            journal.append(record)


def test_a_disk_that_takes_no_byte_is_said_in_words_and_closing_adds_nothing(
    tmp_path: Path, make_spec, make_record
) -> None:
    """A real ENOSPC: the error names file, trial and remedy, and leaving the block raises no other one."""
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


def test_a_journal_that_was_removed_or_replaced_takes_no_record(tmp_path: Path, make_spec, make_record) -> None:
    """What is written to a file that has no name any more would be lost without a word."""
    path = tmp_path / "journal.jsonl"
    for change in (lambda: path.unlink(), lambda: path.unlink() or path.write_bytes(b"")):
        with Journal(path) as journal:
            journal.append(make_record(make_spec()))
            change()
            with pytest.raises(RunFolderError, match="the folder or the file was moved or removed during the run"):
                journal.append(make_record(make_spec(seed=1)))


def test_the_last_record_of_a_trial_counts(tmp_path: Path, make_spec, make_record) -> None:
    """A trial that failed and was run again is what it gave then, in the place where it stood."""
    failed = make_record(make_spec(seed=1), status=Status.FAILED, accuracies=())
    other, again = make_record(make_spec(seed=2)), make_record(make_spec(seed=1))
    assert latest_records([failed, other, again]) == (again, other)
