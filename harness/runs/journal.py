"""The journal: a file with one line of JSON for each trial that has ended."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from harness.errors import RunFolderError
from harness.records.trial import TrialRecord
from harness.runs.files import sync_folder


class Journal:
    """Journal of a run folder, opened for appending.

    When `append` returns, the record is on disk and survives a power failure. A crash can leave an
    incomplete last line, which is removed when the journal is opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            keep = _whole_lines(path.read_bytes()) if path.exists() else 0
            # Unbuffered: after a failed write, closing the file must not write the record again.
            self._file = path.open("ab", buffering=0)
            self._file.truncate(keep)
            sync_folder(path.parent)
        except OSError as error:
            raise RunFolderError(
                f"{path}: the journal cannot be written: {error.strerror}; make the folder writable"
            ) from None

    def append(self, record: TrialRecord) -> None:
        """Append one record and wait until it is on disk.

        Raises:
            RunFolderError: The disk is full, or the folder or the journal was removed or made
                read-only.
        """
        try:
            # The system would accept a write to a removed file, and the record would be lost.
            if os.fstat(self._file.fileno()).st_ino != self._path.stat().st_ino:
                raise FileNotFoundError(errno.ENOENT, "the file was replaced by another one")
            _write_all(self._file, record.model_dump_json().encode() + b"\n")
            os.fsync(self._file.fileno())
        except OSError as error:
            raise RunFolderError(
                f"{self._path}: trial {record.trial_id} could not be recorded: {error.strerror}; {_remedy(error)}"
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


def _remedy(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "the folder or the file was moved or removed during the run; put it back"
    return "free some disk space"


def _write_all(file: FileIO, content: bytes) -> None:
    view = memoryview(content)
    while view:  # a write to a disk that is nearly full can be partial
        view = view[file.write(view) :]


def _whole_lines(content: bytes) -> int:
    return content.rfind(b"\n") + 1


def read_journal(path: Path) -> tuple[TrialRecord, ...]:
    """Return all records, in the order in which the trials ended, without an incomplete last line.

    Raises:
        RunFolderError: There is no journal, or a complete line is not a record.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunFolderError(
            f"{path}: the journal cannot be read: {error.strerror}; give a folder that a run has written"
        ) from None
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


def latest_records(records: Iterable[TrialRecord]) -> tuple[TrialRecord, ...]:
    """Return the last record of each trial. A failed trial that was retried has several."""
    return tuple({record.trial_id: record for record in records}.values())
