"""Reader of a folder of images with one subfolder for each class."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from architectures import InputShape
from harness.data.dataset import Split, UncutDataset
from harness.data.sources.decoded import decoded, too_large
from harness.data.sources.images import SUFFIXES, size_and_colour
from harness.errors import DataError

LONGER_SIDE = 64
"""Maximum side in pixels if images differ in size and the study sets no `image_size`."""

_TRAIN, _TEST, _VALIDATION = ("train", "training"), ("test", "testing"), ("val", "valid", "validation")


@dataclass(frozen=True)
class _Files:
    """Image files with their labels, and the number of other files in the same folders."""

    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    others: int


def load_image_folder(path: Path, image_size: int | None, in_memory: bool = False) -> UncutDataset:
    """Load images from `CLASS/*.png` or the like, or from `train/CLASS/...` and `test/CLASS/...`.

    A folder `val` is merged with `train`, because the study makes its own validation split. The
    data set is grey if all images are grey. Images are decoded once and cached. A large data set
    stays in a memory-mapped file, see `too_large`.

    Args:
        path: The folder.
        image_size: Side in pixels of the square that images are resized to. None keeps the size of
            the images; if they differ in size, `LONGER_SIDE` limits the common size.
        in_memory: Whether to load a large data set into memory too.

    Raises:
        DataError: If the folder contains no images, a class exists in the test split only, or a
            file is damaged.
    """
    parts, notes = _parts(path)
    classes = tuple(sorted({folder.name for root in parts[0] for folder in _folders(root)}))
    if len(classes) < 2:
        raise DataError(
            f"{path}: a classifier needs two classes or more, but the folder has {len(classes)}; put the images of "
            "each class into a subfolder"
        )
    found = [_files(roots, classes) for roots in parts]
    files = [file for part in found for file in part.paths]
    with ThreadPoolExecutor() as pool:
        headers = list(pool.map(size_and_colour, files))
    shape, resized = _shape(headers, image_size)
    others = sum(part.others for part in found)
    if others:
        notes.append(f"Ignored {others:,} files without the extension of an image file.")
    if resized:
        notes.append(resized)
    mapped = not in_memory and too_large(len(files), shape)
    splits = []
    for part in found:
        images = decoded(part.paths, path, shape)
        splits.append(Split(images if mapped else np.array(images), part.labels))
    return UncutDataset(
        name=path.name,
        classes=classes,
        shape=shape,
        train=splits[0],
        test=splits[1] if len(splits) > 1 else None,
        source="a folder of images",
        sha256={},
        notes=tuple(notes),
    )


def _parts(path: Path) -> tuple[list[list[Path]], list[str]]:
    """Return the folders that contain the class folders of each split, and notes for the report."""
    folders = {folder.name.lower(): folder for folder in _folders(path)}
    train, test, validation = ([folders[n] for n in names if n in folders] for names in (_TRAIN, _TEST, _VALIDATION))
    if not train:
        _check_classes(path)
        return [[path]], []
    unknown = set(folders) - {*_TRAIN, *_TEST, *_VALIDATION}
    if unknown:
        raise DataError(
            f"{path}: next to 'train' there are unknown folders ({', '.join(sorted(unknown))}); name splits train, val "
            "and test, and put the class folders into them"
        )
    notes = [
        f"Merged the folder {folder.name} with train, because the study makes its own validation split."
        for folder in validation
    ]
    return [part for part in ([*train, *validation], test) if part], notes


def _check_classes(path: Path) -> None:
    """Check that the folders are classes, not splits with unknown names.

    Raises:
        DataError: If the folders contain no images and have a subfolder name in common.
    """
    inside = [{folder.name for folder in _folders(folder)} for folder in _folders(path)]
    images = any(
        file.suffix.lower() in SUFFIXES for folder in _folders(path) for file in folder.iterdir() if file.is_file()
    )
    if len(inside) > 1 and not images and set.intersection(*inside):
        raise DataError(
            f"{path}: the folders {', '.join(folder.name for folder in _folders(path))} contain the same subfolders, "
            "so they appear to be splits, not classes; rename them to train and test"
        )


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _files(roots: Sequence[Path], classes: Sequence[str]) -> _Files:
    paths: list[Path] = []
    labels: list[int] = []
    others = 0
    for root in roots:
        for folder in _folders(root):
            if folder.name not in classes:
                raise DataError(
                    f"{folder}: class '{folder.name}' has no training images; add some, or remove the folder"
                )
            inside = sorted(
                file
                for file in folder.rglob("*")
                if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
            )
            images = [file for file in inside if file.suffix.lower() in SUFFIXES]
            others += len(inside) - len(images)
            paths += images
            labels += [classes.index(folder.name)] * len(images)
    return _Files(tuple(paths), np.array(labels, dtype=np.int64), others)


def _shape(headers: Sequence[tuple[int, int, bool]], image_size: int | None) -> tuple[InputShape, str]:
    """Return the common shape of all images, and a note if images are resized (else '')."""
    if not headers:
        raise DataError(f"the class folders contain no images; use files that end with {', '.join(sorted(SUFFIXES))}")
    channels = 3 if any(colour for _, _, colour in headers) else 1
    sizes = {(height, width) for height, width, _ in headers}
    if image_size is not None:
        height = width = image_size
    elif len(sizes) == 1:
        [(height, width)] = sizes
    else:
        middle = [int(np.median([header[side] for header in headers])) for side in (0, 1)]
        scale = min(1.0, LONGER_SIDE / max(middle))
        height, width = (max(1, round(side * scale)) for side in middle)
    if sizes == {(height, width)}:
        return InputShape(channels, height, width), ""
    heights, widths = zip(*sizes, strict=True)
    return InputShape(channels, height, width), (
        f"Resized the images to {height}x{width} without keeping their proportions; they were {min(heights)} to "
        f"{max(heights)} pixels high and {min(widths)} to {max(widths)} wide."
    )
