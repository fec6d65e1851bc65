"""Files that are whole or not there: written under a temporary name in the same folder, then renamed."""

from __future__ import annotations

from pathlib import Path

from harness.errors import RunFolderError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file; a reader sees the old content or the new one, never a part.

    Raises:
        RunFolderError: the folder cannot be written, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunFolderError(f"{path}: cannot be written: {error.strerror}; make room or rights there") from None
