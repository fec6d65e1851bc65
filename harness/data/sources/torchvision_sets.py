"""Image classification data sets that torchvision can download and read."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from architectures import InputShape
from harness.data.dataset import UNKNOWN_LICENCE, Split, UncutDataset
from harness.data.sources.files import cache_folder
from harness.data.sources.npz import as_bytes
from harness.errors import Argument, DataError, describe

TIMEOUT = 20.0
"""Seconds without data before a download times out."""

_DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class TorchvisionSet:
    """How to load a data set with torchvision.

    Attributes:
        kind: Name of the class in `torchvision.datasets`.
        train: Arguments of that class for the training images.
        test: Arguments of that class for the test split.
        classes: Names of the classes; None to use torchvision's names.
        turned: Whether rows and columns are swapped in the files.
        first_label: Number of the first class in the files.
        licence: Licence of the data.
    """

    kind: str
    train: Mapping[str, Any]
    test: Mapping[str, Any]
    classes: tuple[str, ...] | None = None
    turned: bool = False
    first_label: int = 0
    licence: str = UNKNOWN_LICENCE


def _by_flag(kind: str, **options: Any) -> TorchvisionSet:
    given = {key: options.pop(key) for key in ("split",) if key in options}
    return TorchvisionSet(kind, {"train": True} | given, {"train": False} | given, **options)


_NIST = "a work of the United States government, in the public domain there (NIST Special Database 19)"

TORCHVISION_SETS: Mapping[str, TorchvisionSet] = {
    "fashion_mnist": _by_flag("FashionMNIST", licence="MIT (Zalando SE)"),
    "kmnist": _by_flag("KMNIST", licence="CC BY-SA 4.0 (ROIS-DS Center for Open Data in the Humanities)"),
    "emnist_letters": _by_flag("EMNIST", split="letters", turned=True, first_label=1, licence=_NIST,
                               classes=tuple("abcdefghijklmnopqrstuvwxyz")),
    "emnist_balanced": _by_flag("EMNIST", split="balanced", turned=True, licence=_NIST),
    "qmnist": _by_flag("QMNIST", classes=_DIGITS),
    "usps": _by_flag("USPS", classes=_DIGITS),
    "svhn": TorchvisionSet("SVHN", {"split": "train"}, {"split": "test"}, classes=_DIGITS,
                           licence="for non-commercial use only (Netzer et al. 2011)"),
    "cifar10": _by_flag("CIFAR10"),
    "cifar100": _by_flag("CIFAR100"),
}  # fmt: skip
"""Name in a study to how the data set is loaded."""


def load_torchvision_set(name: str, data_dir: Path | None) -> UncutDataset:
    """Load a data set with torchvision, which downloads missing files.

    Args:
        name: Key of `TORCHVISION_SETS`.
        data_dir: Folder of torchvision's files; None for the user's cache.

    Raises:
        DataError: If files are missing and cannot be downloaded, or are damaged.
    """
    known = TORCHVISION_SETS[name]
    root = data_dir or cache_folder() / "torchvision"
    try:
        with downloads(TIMEOUT) as datasets:
            root.mkdir(parents=True, exist_ok=True)
            with FileLock(root / f".{name}.lock"):
                train, test = (
                    getattr(datasets, known.kind)(root=str(root), download=True, **arguments)
                    for arguments in (known.train, known.test)
                )
    except DataError as error:
        raise DataError(
            f"{name}: the data set is not in {root} and cannot be downloaded ({error}); put the files of "
            f"torchvision.datasets.{known.kind} into a folder, and name it with ",
            Argument("data_dir"),
        ) from None
    splits = [as_split(one, known) for one in (train, test)]
    classes = known.classes or tuple(str(one) for one in train.classes)
    _, channels, height, width = splits[0].images.shape
    return UncutDataset(
        name=name,
        classes=classes,
        shape=InputShape(channels, height, width),
        train=splits[0],
        test=splits[1],
        source="torchvision",
        sha256={},
        licence=known.licence,
    )


@contextlib.contextmanager
def downloads(timeout: float) -> Iterator[Any]:
    """Yield `torchvision.datasets` with a timeout for downloads and without progress bars.

    Args:
        timeout: Seconds without data before a download times out.

    Raises:
        DataError: If torchvision cannot be imported, or cannot download or read a file.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout)
    try:
        from torchvision import datasets  # imported here because it imports torch, which takes seconds

        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield datasets
    except (OSError, RuntimeError, ImportError, ValueError, EOFError, HTTPException) as error:
        raise DataError(describe(error)[:300]) from None
    finally:
        socket.setdefaulttimeout(before)


def as_split(loaded: Any, known: TorchvisionSet) -> Split:
    """Convert a torchvision data set to a `Split`."""
    images = as_bytes(np.asarray(loaded.data), f"the images of torchvision's {known.kind}")
    if known.turned:
        images = images.transpose(0, 1, 3, 2)
    labels = np.asarray(loaded.targets if hasattr(loaded, "targets") else loaded.labels)
    if labels.ndim == 2:  # QMNIST: the first column is the class, the others identify the writer
        labels = labels[:, 0]
    return Split(np.ascontiguousarray(images), labels.astype(np.int64) - known.first_label)
