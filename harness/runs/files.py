"""Reading and writing files of a run folder. Files are written atomically."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import BROKEN_ARRAYS, RunFolderError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: under a temporary name, which is replaced when the file is complete.

    Raises:
        RunFolderError: The disk is full, or the folder is missing or read-only.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):  # the first error is reported
            temporary.unlink()
        raise RunFolderError(
            f"{path}: cannot be written: {error.strerror}; free some disk space or choose another folder"
        ) from None


def sync_folder(folder: Path) -> None:
    """Write the entries of a folder to disk, so that they survive a power failure.

    On systems that do not support this, nothing happens.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows cannot open folders
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, if it exists.

    Raises:
        RunFolderError: The folder is missing or read-only.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be removed: {error.strerror}; make the folder writable") from None


def rename(path: Path, new: Path) -> None:
    """Rename a file within its folder.

    Raises:
        RunFolderError: The folder is missing or read-only.
    """
    try:
        path.replace(new)
        sync_folder(new.parent)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be renamed: {error.strerror}; make the folder writable") from None


def write_text(path: Path, content: str) -> None:
    """Write text as UTF-8, atomically."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write indented JSON, atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Write a compressed npz file, atomically."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(path, buffer.getvalue())


def trial_of(path: Path) -> str | None:
    """Return the identity of the trial whose predictions a file contains.

    Returns:
        An empty string if the file does not name its trial; None if the file cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return str(file["trial_id"]) if "trial_id" in file else ""
    except BROKEN_ARRAYS:
        return None


def is_whole(path: Path) -> bool:
    """Return whether all checksums of an npz file match."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except BROKEN_ARRAYS:
        return False
