"""Reading numpy arrays out of a pickle without trusting it.

To admit numpy's own functions by their names would not do: `numpy.ndarray` called with an object type and
a buffer of bytes makes the interpreter follow pointers that the pickle chose. A pickle therefore reaches
three stand-ins only, which note down what numpy would have been asked, and the array is built from that.
"""

from __future__ import annotations

import io
import math
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError

TYPES = frozenset({"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"})
"""Element types that are plain numbers."""


class _Type:
    """Stands in for `numpy.dtype`."""

    def __init__(self, code: object, _align: object = False, _copy: object = False) -> None:
        self.code = _text(code)
        self.byte_order = "="
        if self.code not in TYPES:
            raise pickle.UnpicklingError(f"it holds elements of type {code!r}, which are not plain numbers")

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self.byte_order = _text(state[1])
        if self.byte_order not in {"<", ">", "|", "="}:
            raise pickle.UnpicklingError(f"it holds elements of byte order {state[1]!r}")


class _Array:
    """Stands in for the empty array that numpy fills with the pickled state."""

    values: NDArray[Any]

    def __init__(self, _kind: object, _shape: object, _code: object) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, kind, fortran, content = state
        if not isinstance(kind, _Type) or any(size < 0 for size in shape):
            raise pickle.UnpicklingError("it holds an array whose state is not plain numbers")
        flat = np.frombuffer(content, dtype=np.dtype(kind.byte_order + kind.code))
        if flat.size != math.prod(shape):
            raise pickle.UnpicklingError(f"it holds {flat.size} numbers for an array of shape {shape}")
        self.values = flat.reshape(shape, order="F" if fortran else "C")


ADMITTED: dict[tuple[str, str], object] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,  # its name since numpy 2
    ("numpy", "ndarray"): "numpy.ndarray",  # an argument of _reconstruct, never called
    ("numpy", "dtype"): _Type,
}
"""What each admitted global of a pickle stands for; nothing else is ever looked up, let alone imported."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which arrays of numbers do not need")
        return ADMITTED[module, name]


def unpickle_arrays(stream: io.BufferedIOBase, name: str) -> Any:
    """The array, or the nested tuples of arrays, that a pickle holds; the arrays are read-only.

    Args:
        stream: the pickle; its strings of the time of Python 2 are taken for bytes.
        name: of the pickle, for the message of an error.

    Raises:
        DataError: the pickle asks for anything but arrays of plain numbers in tuples, or is damaged.
    """
    try:
        return _unwrapped(_ArrayUnpickler(stream, encoding="bytes").load())
    except (
        pickle.UnpicklingError,
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:  # all that the machine of pickle raises on an ill-formed program
        raise DataError(f"{name}: this pickle is not used: {error or type(error).__name__}") from None


def _unwrapped(value: object) -> Any:
    if isinstance(value, tuple):
        return tuple(_unwrapped(item) for item in value)
    if isinstance(value, _Array):
        return value.values
    raise pickle.UnpicklingError(f"it holds a {type(value).__name__} where an array was expected")


def _text(value: object) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
