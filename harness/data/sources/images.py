"""Image files as arrays: what a folder of images is made of, and what a model is asked about."""

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
"""How files of images end."""

_ORIENTATION = 0x0112  # of EXIF
_Read = TypeVar("_Read")
_GREY = ("1", "L", "LA", "La", "F")
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError)  # what Pillow raises


def size_and_colour(path: Path) -> tuple[int, int, bool]:
    """Height and width, as one looks at the image, and whether it has colour; only its header is read.

    Raises:
        DataError: it is no image.
    """
    return _opened(path, _header)


def _header(image: Image.Image) -> tuple[int, int, bool]:
    turned = _orientation(image) >= 5  # those that swap the sides
    width, height = image.size[::-1] if turned else image.size
    return height, width, not _is_grey(image)


def _orientation(image: Image.Image) -> int:
    """How the camera was held; of a PNG only what stands before its pixels, for which Pillow would decode them."""
    if image.format != "PNG":
        return int(image.getexif().get(_ORIENTATION, 1))
    exif = Image.Exif()
    exif.load(image.info.get("exif", b""))
    return int(exif.get(_ORIENTATION, 1))


def read_image(path: Path, shape: InputShape) -> NDArray[np.uint8]:
    """An image as uint8 (channels, height, width), resized to the shape; its proportions are not kept.

    It is turned as its camera says, what is transparent becomes white, and colour becomes grey where the shape has
    one channel.

    Raises:
        DataError: it is no image, or a damaged one.
    """
    return _opened(path, lambda image: _as_array(image, shape))


def _as_array(image: Image.Image, shape: InputShape) -> NDArray[np.uint8]:
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 or 16 bits for each")
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
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
        raise DataError(f"{path}: cannot be read as an image ({error}); remove or replace it") from None


def background(images: NDArray[np.uint8]) -> Literal["dark", "light"] | None:
    """`dark` or `light`, where nearly all of these grey images (N, 1, H, W) have such a border; None for all others."""
    if images.shape[1] != 1:
        return None
    light = np.array([border_is_light(image) for image in images[:5000]])
    if light.mean() < 0.05:
        return "dark"
    return "light" if light.mean() > 0.95 else None


def border_is_light(image: NDArray[np.uint8]) -> bool:
    """Whether the middle value of the pixels at the border of an image (1, H, W) is in the lighter half."""
    plane = image[0]
    border = np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]])
    return bool(np.median(border) >= 128)
