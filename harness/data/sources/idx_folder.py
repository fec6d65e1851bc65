"""Reader of a folder with IDX files (the format of MNIST's raw files)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from architectures import InputShape
from harness.data.dataset import Split, UncutDataset
from harness.data.sources.files import read_uncompressed
from harness.data.sources.idx import parse_idx
from harness.data.sources.labels import number_labels
from harness.data.sources.npz import as_bytes
from harness.errors import DataError

_IMAGES = ("images-idx3-ubyte", "images-idx4-ubyte")
_LABELS = "labels-idx1-ubyte"
_TEST = ("t10k", "test")
_FOLDERS = (".", "raw")
_NAMES = "classes.txt"


def is_idx_folder(path: Path) -> bool:
    """Whether the folder, or `raw` in it, contains images as IDX files."""
    return any(_find(path, kind) for kind in _IMAGES)


def _find(path: Path, kind: str) -> list[Path]:
    found = [file for folder in _FOLDERS for suffix in ("", ".gz") for file in (path / folder).glob(f"*{kind}{suffix}")]
    # torchvision keeps each downloaded .gz file next to the unpacked one.
    return sorted(file for file in found if file.suffix != ".gz" or file.with_suffix("") not in found)


def load_idx_folder(path: Path) -> UncutDataset:
    """Load `PREFIX-images-idx3-ubyte` and `PREFIX-labels-idx1-ubyte`, uncompressed or as .gz.

    Files with the prefix `t10k` or `test` are the test split; files with another prefix are for
    training. The optional file `classes.txt` names the classes in the order of their labels, one
    per line.

    Raises:
        DataError: If a file is missing or damaged, or there are several files of one kind.
    """
    images = [file for kind in _IMAGES for file in _find(path, kind)]
    test = [file for file in images if file.name.startswith(_TEST)]
    train = [file for file in images if file not in test]
    if len(train) != 1 or len(test) > 1:
        raise DataError(
            f"{path}: one file of training images and at most one of test images (t10k-... or test-...) are allowed, "
            f"but the folder has {', '.join(file.name for file in images)}; remove or rename the others"
        )
    files: list[tuple[Path, Path]] = []
    contents: dict[Path, bytes] = {}
    for file in (*train, *test):
        labels = _labels_of(file)
        files.append((file, labels))
        contents |= {part: read_uncompressed(part) or b"" for part in (file, labels)}
    names_file = path / _NAMES
    names = names_file.read_text(encoding="utf-8").split("\n") if names_file.is_file() else None
    names = [name.strip() for name in names if name.strip()] if names else None
    arrays: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = [
        (parse_idx(contents[file], file.name), parse_idx(contents[labels], labels.name)) for file, labels in files
    ]
    classes, numbered = number_labels([labels for _, labels in arrays], names, str(path))
    splits = [
        Split(as_bytes(pixels, str(file)), labels)
        for (pixels, _), labels, (file, _) in zip(arrays, numbered, files, strict=True)
    ]
    _, channels, height, width = splits[0].images.shape
    return UncutDataset(
        name=path.name,
        classes=classes,
        shape=InputShape(channels, height, width),
        train=splits[0],
        test=splits[1] if len(splits) > 1 else None,
        source="a folder of IDX files",
        sha256={file.name: hashlib.sha256(content).hexdigest() for file, content in contents.items()},
    )


def _labels_of(images: Path) -> Path:
    name = images.name
    for kind in _IMAGES:
        name = name.replace(kind, _LABELS)
    plain = name.removesuffix(".gz")
    for labels in (images.with_name(plain), images.with_name(f"{plain}.gz")):
        if labels.is_file():
            return labels
    raise DataError(f"{images}: its labels are missing; add {plain} to the same folder")
