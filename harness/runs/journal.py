"""The journal: one line of JSON for each trial that ended, on disk before anything else believes it."""

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
    """Appends records to a file; a record that `append` returned from survives the loss of power.

    A torn last line, which a crash can leave behind, is cut off when the journal is opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            keep = _whole_lines(path.read_bytes()) if path.exists() else 0
            # Unbuffered: what could not be written must not be tried again when the file is closed.
            self._file = path.open("ab", buffering=0)
            self._file.truncate(keep)
            sync_folder(path.parent)
        except OSError as error:
            raise RunFolderError(f"{path}: the journal cannot be written: {error.strerror}") from None

    def append(self, record: TrialRecord) -> None:
        """Write one record, down to the disk.

        Raises:
            RunFolderError: the disk is full, or the folder is gone or read-only. A journal that was removed could
                still be written to, and would be lost.
        """
        try:
            if os.fstat(self._file.fileno()).st_ino != self._path.stat().st_ino:
                raise FileNotFoundError(errno.ENOENT, "another file is there now")
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
        return "the folder was moved or removed while the run went on; put it back"
    return "make room there"


def _write_all(file: FileIO, content: bytes) -> None:
    view = memoryview(content)
    while view:  # a disk that is nearly full takes a part
        view = view[file.write(view) :]


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


def latest_records(records: Iterable[TrialRecord]) -> tuple[TrialRecord, ...]:
    """The last record of each trial: one that failed and was run again counts as what it gave then."""
    return tuple({record.trial_id: record for record in records}.values())
