"""Reader and writer of IDX, the format of MNIST's raw files.

A file contains two zero bytes, a type code, the number of dimensions, the sizes and the values.
"""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError

UBYTE = 0x08
"""Type code of unsigned bytes, the only type that this module supports."""


def parse_idx(content: bytes, name: str) -> NDArray[np.uint8]:
    """Parse an IDX file into a writable, C-contiguous array.

    Args:
        content: Content of the whole file.
        name: Name of the file, for error messages.

    Raises:
        DataError: If the content is not an IDX file of unsigned bytes, or its length does not match
            its header.
    """
    if len(content) < 4 or content[:3] != bytes((0, 0, UBYTE)):
        raise DataError(f"{name}: it is not an IDX file of unsigned bytes: it begins with '{content[:4].hex(' ')}'")
    dimensions = content[3]
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise DataError(f"{name}: the IDX header is incomplete: the file has {len(content)} of {header} bytes")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    expected = header + math.prod(shape)
    if len(content) != expected:
        raise DataError(f"{name}: the IDX header specifies {expected} bytes, but the file has {len(content)}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape).copy()


def format_idx(array: NDArray[np.uint8]) -> bytes:
    """Format an array as the content of an IDX file.

    >>> format_idx(np.array([[7, 8]], dtype=np.uint8)).hex(" ")
    '00 00 08 02 00 00 00 01 00 00 00 02 07 08'
    """
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes((0, 0, UBYTE, array.ndim)) + sizes + array.tobytes()
