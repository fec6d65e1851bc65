"""A folder of images, one folder for each class."""

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
"""Pixels, at most, where images differ in size and the study does not say what they are resized to."""

_TRAIN, _TEST, _VALIDATION = ("train", "training"), ("test", "testing"), ("val", "valid", "validation")


@dataclass(frozen=True)
class _Files:
    """Image files with their labels, and how many other files lie between them."""

    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    others: int


def load_image_folder(path: Path, image_size: int | None, in_memory: bool = False) -> UncutDataset:
    """A data set from `CLASS/*.png` and the like, or from `train/CLASS/...` and `test/CLASS/...`.

    A folder `val` beside `train` is joined with it: the study cuts a validation split of its own. Images are grey when
    all of them are. They are decoded once, into the cache; where they need much memory they stay in its file.

    Args:
        path: the folder.
        image_size: side of the square that they are resized to; None for what is said at `LONGER_SIDE`.
        in_memory: whether they must not stay in the file.

    Raises:
        DataError: there are no images in it, a class is in the test split alone, or a file is damaged.
    """
    parts, notes = _parts(path)
    classes = tuple(sorted({folder.name for root in parts[0] for folder in _folders(root)}))
    if len(classes) < 2:
        raise DataError(
            f"{path}: a folder for each class was expected, with images in it, and there are {len(classes)} of them"
        )
    found = [_files(roots, classes) for roots in parts]
    files = [file for part in found for file in part.paths]
    with ThreadPoolExecutor() as pool:
        headers = list(pool.map(size_and_colour, files))
    shape, resized = _shape(headers, image_size)
    others = sum(part.others for part in found)
    if others:
        notes.append(f"{others:,} files that do not end like images were left out.")
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
    """The folders of classes that make up each split, and what there is to say of that."""
    folders = {folder.name.lower(): folder for folder in _folders(path)}
    train, test, validation = ([folders[n] for n in names if n in folders] for names in (_TRAIN, _TEST, _VALIDATION))
    if not train:
        _check_classes(path)
        return [[path]], []
    unknown = set(folders) - {*_TRAIN, *_TEST, *_VALIDATION}
    if unknown:
        raise DataError(
            f"{path}: beside 'train' there are {', '.join(sorted(unknown))}; splits are called train, val and test, so "
            "put folders of classes into those"
        )
    notes = [
        f"Folder {folder.name} was joined with train: the study cuts its own validation split." for folder in validation
    ]
    return [part for part in ([*train, *validation], test) if part], notes


def _check_classes(path: Path) -> None:
    """See that these folders are classes, and not splits that are called something else.

    Raises:
        DataError: they hold the same folders, and no images.
    """
    inside = [{folder.name for folder in _folders(folder)} for folder in _folders(path)]
    images = any(
        file.suffix.lower() in SUFFIXES for folder in _folders(path) for file in folder.iterdir() if file.is_file()
    )
    if len(inside) > 1 and not images and set.intersection(*inside):
        raise DataError(
            f"{path}: {', '.join(folder.name for folder in _folders(path))} hold the same folders, so they are splits "
            "and no classes; call them train and test"
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
                raise DataError(f"{folder}: there is no class '{folder.name}' among the training images")
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
    """The shape that all images are given, and a sentence when that changes any."""
    if not headers:
        raise DataError(f"there are no images in these folders; files of images end with {', '.join(sorted(SUFFIXES))}")
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
        f"Images of {min(heights)} to {max(heights)} pixels in height and {min(widths)} to {max(widths)} in width were "
        f"resized to {height}x{width}; proportions are not kept."
    )
