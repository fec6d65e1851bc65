"""The journal: one line of JSON for each trial that ended, on disk before anything else believes it."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from harness.errors import RunFolderError
from harness.trial import TrialRecord


class Journal:
    """Appends records to a file; a record that `append` returned from survives the loss of power.

    A torn last line, which a crash can leave behind, is cut off when the journal is opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            keep = _whole_lines(path.read_bytes()) if path.exists() else 0
            self._file = path.open("ab")
            self._file.truncate(keep)
        except OSError as error:
            raise RunFolderError(f"{path}: the journal cannot be written: {error.strerror}") from None

    def append(self, record: TrialRecord) -> None:
        """Write one record, down to the disk.

        Raises:
            RunFolderError: the disk is full, or the folder is gone or read-only.
        """
        try:
            self._file.write(record.model_dump_json().encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise RunFolderError(
                f"{self._path}: trial {record.trial_id} could not be recorded: {error.strerror}; make room there"
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _whole_lines(content: bytes) -> int:
    return content.rfind(b"\n") + 1


def read_journal(path: Path) -> tuple[TrialRecord, ...]:
    """Every record, in the order in which the trials ended; a torn last line is not a record.

    Raises:
        RunFolderError: no journal there, or a whole line of it is not a record.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunFolderError(f"{path}: no journal to read: {error.strerror}; is this a run folder?") from None
    records = []
    for number, line in enumerate(content[: _whole_lines(content)].splitlines(), start=1):
        try:
            records.append(TrialRecord.model_validate_json(line))
        except ValidationError as error:
            problem = error.errors()[0]
            key = ".".join(str(part) for part in problem["loc"])
            raise RunFolderError(
                f"{path}: line {number} is not a trial record ({key or 'line'}: {problem['msg']}); "
                "restore the file from a copy"
            ) from None
    return tuple(records)
