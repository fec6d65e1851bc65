"""Cache of decoded images in memory-mapped files, for data sets larger than memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from architectures import InputShape
from harness.data.dataset import Split
from harness.data.sources.files import cache_folder, locked, replacing
from harness.data.sources.images import read_image

SHARE_OF_MEMORY = 0.25
"""Fraction of this machine's memory. Larger data sets stay in their memory-mapped file."""

_VERSION = 1  # part of the cache key; increase it when decoding changes
_AT_A_TIME = 256  # images


def decoded(files: Sequence[Path], root: Path, shape: InputShape) -> NDArray[np.uint8]:
    """Return images (N, channels, height, width), mapped from the cache.

    The images are decoded first if the cache does not contain them.

    Args:
        files: Image files, in the order of the result.
        root: Folder that contains the files.
        shape: Shape to resize the images to.

    Raises:
        DataError: If a file is not an image, or the cache cannot be written.
    """
    path = _folder() / f"{_key(files, root, shape)}.npy"
    with _filling(path):
        if not path.is_file():
            _decode(files, shape, path)
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]  # np.load is typed Any


def too_large(images: int, shape: InputShape) -> bool:
    """Whether this many images need more than `SHARE_OF_MEMORY` of the memory."""
    return images * shape.pixels > SHARE_OF_MEMORY * psutil.virtual_memory().total


def select_mapped(whole: Split, indices: NDArray[np.int64], name: str) -> Split:
    """Write some examples of a memory-mapped split to a new file, and return them mapped."""
    if whole.mapped is None:
        raise ValueError("the images are not in a file")
    chosen = hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()[:16]
    path = Path(whole.mapped).with_suffix(f".{name}-{chosen}.npy")
    with _filling(path):
        if not path.is_file():
            pieces = (whole.images[part] for part in _parts(indices))
            _write(path, (len(indices), *whole.images.shape[1:]), pieces)
    return Split(np.load(path, mmap_mode="r"), whole.labels[indices])


def _folder() -> Path:
    return cache_folder() / "decoded"


def _key(files: Sequence[Path], root: Path, shape: InputShape) -> str:
    """Return the cache key: a hash of everything that the decoded images depend on."""
    digest = hashlib.sha256(f"{_VERSION} {shape} {root.resolve()}".encode())
    for file in files:
        stat = file.stat()
        digest.update(f"{file.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _filling(path: Path) -> AbstractContextManager[None]:
    return locked(
        path.with_suffix(f"{path.suffix}.lock"), "decoded images", "free disk space, or make the folder writable"
    )


def _decode(files: Sequence[Path], shape: InputShape, path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        pieces = (np.stack(list(pool.map(_reader(shape), part))) for part in _parts(files))
        _write(path, (len(files), shape.channels, shape.height, shape.width), pieces)


def _reader(shape: InputShape) -> Callable[[Path], NDArray[np.uint8]]:
    return lambda file: read_image(file, shape)


def _parts(whole: Any) -> Iterator[Any]:
    return (whole[start : start + _AT_A_TIME] for start in range(0, len(whole), _AT_A_TIME))


def _write(path: Path, shape: tuple[int, ...], pieces: Iterable[NDArray[np.uint8]]) -> None:
    """Write an array piece by piece."""
    with replacing(path) as unfinished:
        array = open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)
        start = 0
        for piece in pieces:
            array[start : start + len(piece)] = piece
            start += len(piece)
        array.flush()
        del array
