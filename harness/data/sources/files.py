"""Files of data sets: where they are kept, how they are read, checked and written."""

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
    """Where data sets are kept between runs when no folder is named."""
    return user_cache_path("image-classifier-benchmark-harness", appauthor=False)


def read_uncompressed(path: Path, remedy: str = "") -> bytes | None:
    """Content of a file, uncompressed if its name ends with .gz; None where there is no file.

    Args:
        path: of the file.
        remedy: what the user can do, for the message of an error.

    Raises:
        DataError: the file cannot be read, or is not a whole gzip file.
    """
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: the file cannot be read: {error}{remedy}") from None


def check_sha256(content: bytes, expected: str, what: str, remedy: str = "") -> None:
    """Accept content that has the expected SHA-256.

    Args:
        content: the bytes in question.
        expected: hexadecimal digest.
        what: what the content is called, for the message of an error.
        remedy: what the user can do, for the same message.

    Raises:
        DataError: the digest is another.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(f"{what}: its SHA-256 is {found} where {expected} was expected" + remedy)


@contextmanager
def locked(lock: Path, what: str, remedy: str, timeout: float = -1) -> Iterator[None]:
    """Let one process at a time write what a lock stands for; the others wait.

    Args:
        lock: file in the folder that is written to; the folder is made.
        what: is stored there, for the message of an error.
        remedy: what the user can do, for the same message.
        timeout: seconds to wait for the lock; negative for no limit.

    Raises:
        DataError: the folder cannot be written to, or another process does not let go of the lock.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=timeout):
            yield
    except Timeout:
        raise DataError(
            f"{lock}: another process has held this for {timeout:.0f} seconds; "
            "wait for it, or delete the file if there is none"
        ) from None
    except OSError as error:
        raise DataError(f"{lock.parent}: {what} cannot be stored there: {error.strerror or error}; {remedy}") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give another path to write to, which replaces the path at the end: no reader ever sees half of a file."""
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
