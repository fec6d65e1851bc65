"""Helpers to read, check, lock and write the files of data sets."""

from __future__ import annotations

import gzip
import hashlib
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from harness.errors import DataError


def cache_folder() -> Path:
    """Return the folder of the user's cache, the default place for data sets."""
    return user_cache_path("image-classifier-benchmark-harness", appauthor=False)


def read_uncompressed(path: Path, remedy: str = "") -> bytes | None:
    """Read a file; a file whose name ends with .gz is decompressed.

    Args:
        path: File to read.
        remedy: What the user can do about an error; it ends the error message.

    Returns:
        The content, or None if the file does not exist.

    Raises:
        DataError: If the file cannot be read, or is not a complete gzip file.
    """
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: the file cannot be read: {error}{remedy}") from None


def check_sha256(content: bytes, expected: str, what: str, remedy: str = "") -> None:
    """Check that content has the expected SHA-256.

    Args:
        content: Bytes to check.
        expected: Expected hexadecimal digest.
        what: Name of the content, for the error message.
        remedy: What the user can do about an error; it ends the error message.

    Raises:
        DataError: If the digests differ.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(f"{what}: its SHA-256 is {found}, but {expected} was expected" + remedy)


@contextmanager
def locked(lock: Path, what: str, remedy: str, timeout: float = -1) -> Iterator[None]:
    """Hold a file lock, so that only one process at a time writes to a folder.

    Args:
        lock: Lock file in that folder. The folder is created if it does not exist.
        what: Name of the data that is stored there, for error messages.
        remedy: What the user can do if the folder cannot be written; it ends the error message.
        timeout: Seconds to wait for the lock; negative for no limit.

    Raises:
        DataError: If the folder cannot be written to, or another process holds the lock for longer
            than the timeout.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=timeout):
            yield
    except Timeout:
        raise DataError(
            f"{lock}: another process has held this lock for {timeout:.0f} seconds; "
            "wait for that process, or delete the file if there is no such process"
        ) from None
    except OSError as error:
        raise DataError(f"{lock.parent}: {what} cannot be stored there: {error.strerror or error}; {remedy}") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, which replaces `path` at the end.

    Other processes never read an incomplete file.
    """
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
