"""Conversion of image files to arrays, for image folders and for prediction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from architectures import InputShape
from harness.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
"""Extensions of image files."""

_ORIENTATION = 0x0112  # EXIF tag
_Read = TypeVar("_Read")
_GREY = ("1", "L", "LA", "La", "F")
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    MemoryError,
    Image.DecompressionBombError,
)  # Pillow raises all of these


def size_and_colour(path: Path) -> tuple[int, int, bool]:
    """Read height, width, and whether an image has colour, from its header only.

    Height and width take the EXIF orientation into account.

    Raises:
        DataError: If the file is not an image.
    """
    return _opened(path, _header)


def _header(image: Image.Image) -> tuple[int, int, bool]:
    turned = _orientation(image) >= 5  # orientations 5 to 8 swap height and width
    width, height = image.size[::-1] if turned else image.size
    return height, width, not _is_grey(image)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation.

    For a PNG, only metadata before the pixels is read: `getexif` would decode the whole image.
    """
    if image.format != "PNG":
        return int(image.getexif().get(_ORIENTATION, 1))
    exif = Image.Exif()
    exif.load(image.info.get("exif", b""))
    return int(exif.get(_ORIENTATION, 1))


def read_image(path: Path, shape: InputShape) -> NDArray[np.uint8]:
    """Read an image as uint8 (channels, height, width), resized without keeping its proportions.

    The EXIF orientation is applied and transparent pixels become white. Colour becomes grey if the
    shape has one channel.

    Raises:
        DataError: If the file is not an image or is damaged.
    """
    return _opened(path, lambda image: _as_array(image, shape))


def _as_array(image: Image.Image, shape: InputShape) -> NDArray[np.uint8]:
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 or 16 bits per pixel")
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion clips them at 255
        values = np.asarray(image, dtype=np.float64)
        image = Image.fromarray((values / 257).round().clip(0, 255).astype(np.uint8))
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    image = image.convert("L" if shape.channels == 1 else "RGB")
    if image.size != (shape.width, shape.height):
        image = image.resize((shape.width, shape.height), Image.Resampling.BICUBIC)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[None] if shape.channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _is_grey(image: Image.Image) -> bool:
    return image.mode in _GREY or image.mode.startswith("I")


def _opened(path: Path, use: Callable[[Image.Image], _Read]) -> _Read:
    try:
        with Image.open(path) as image:
            return use(image)
    except _BROKEN as error:
        raise DataError(f"{path}: it cannot be read as an image ({error}); remove or replace it") from None


def background(images: NDArray[np.uint8]) -> Literal["dark", "light"] | None:
    """Return `dark` or `light` if over 95 % of grey images (N, 1, H, W) have such a border.

    Only the first 5,000 images are examined. The result is None for mixed or colour images.
    """
    if images.shape[1] != 1:
        return None
    light = np.array([border_is_light(image) for image in images[:5000]])
    if light.mean() < 0.05:
        return "dark"
    return "light" if light.mean() > 0.95 else None


def border_is_light(image: NDArray[np.uint8]) -> bool:
    """Whether the median of the border pixels of an image (1, H, W) is 128 or more."""
    plane = image[0]
    border = np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]])
    return bool(np.median(border) >= 128)
