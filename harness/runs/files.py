"""Files of a run folder, each written whole or not at all."""

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
    """Write a file under a temporary name, and rename it when it is whole.

    Raises:
        RunFolderError: the disk is full, or the folder is gone or read-only.
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
        with contextlib.suppress(OSError):  # nothing was written, or what was cannot be reached either
            temporary.unlink()
        raise RunFolderError(
            f"{path}: cannot be written: {error.strerror}; make room, or choose another folder"
        ) from None


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive the loss of power; a system that cannot do that is left alone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file that is no longer needed; it need not be there.

    Raises:
        RunFolderError: the folder is gone or read-only.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be removed: {error.strerror}") from None


def rename(path: Path, new: Path) -> None:
    """Give a file another name in its folder.

    Raises:
        RunFolderError: the folder is gone or read-only.
    """
    try:
        path.replace(new)
        sync_folder(new.parent)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be renamed: {error.strerror}") from None


def write_text(path: Path, content: str) -> None:
    """Write text as UTF-8, as `write_bytes` does."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON for people and programs, as `write_bytes` does."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Write a compressed npz, as `write_bytes` does."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(path, buffer.getvalue())


def trial_of(path: Path) -> str | None:
    """Identity of the trial whose predictions a file holds; empty where it does not say; None without such a file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return str(file["trial_id"]) if "trial_id" in file else ""
    except BROKEN_ARRAYS:
        return None


def is_whole(path: Path) -> bool:
    """Whether an npz holds every array as it was written, by its checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except BROKEN_ARRAYS:
        return False
