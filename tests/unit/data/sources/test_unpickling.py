"""Tests of the unpickler: arrays pass, nothing else is even looked up."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.sources.unpickling import unpickle_arrays
from harness.errors import DataError


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


def load(content: bytes) -> Any:
    """Read a pickle from memory."""
    return unpickle_arrays(io.BytesIO(content), "some.pkl")


@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.parametrize("kind", [np.float32, np.int64, np.uint8, np.dtype(">i4")])
def test_arrays_come_back_as_they_were(protocol: int, kind: Any) -> None:
    """Nested tuples of arrays of numbers are restored with shape, type and values."""
    matrix, vector = np.arange(6).reshape(2, 3).astype(kind), np.arange(4).astype(kind)
    restored = load(pickle.dumps(((matrix, vector), np.asfortranarray(matrix)), protocol))
    for found, expected in zip((*restored[0], restored[1]), (matrix, vector, matrix), strict=True):
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)


def test_strings_of_python_2_are_bytes() -> None:
    """An array whose content was pickled as a string by protocol 2, as in the wheel, is restored."""
    content = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x08" + np.array([0.5, -2], dtype="<f4").tobytes() + b"tb."
    )
    assert load(content).tolist() == [0.5, -2.0]


@pytest.mark.parametrize(
    "function",
    [
        os.system,
        builtins.eval,
        builtins.exec,
        builtins.getattr,
        builtins.open,
        subprocess.Popen,
        subprocess.run,
    ],
    ids=lambda function: f"{function.__module__}.{function.__qualname__}",
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_calls_of_anything_else_are_refused(function: Callable[..., Any], protocol: int) -> None:
    """A pickle that calls a function of Python is refused and the function is named."""
    with pytest.raises(DataError, match=rf"^some\.pkl: .*asks for .*{function.__name__}"):
        load(pickle.dumps(Call(function, "echo"), protocol))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy", "load"),
        ("numpy", "memmap"),
        ("numpy", "ndarray.tofile"),
        ("numpy", "dtype.__class__.mro"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy.core.multiarray", "_reconstruct.__globals__"),
        ("numpy._core._methods", "os.system"),
        ("copyreg", "_reconstructor"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("operator", "attrgetter"),
        ("_codecs", "encode"),
    ],
)
def test_other_globals_are_refused_by_both_opcodes(module: str, name: str) -> None:
    """Neither numpy's other functions nor attributes reached through dots pass, by whichever opcode."""
    by_stack = b"\x80\x04" + b"".join(b"\x8c" + bytes([len(word)]) + word.encode() for word in (module, name))
    for content in (by_stack + b"\x93.", f"c{module}\n{name}\n.".encode()):
        with pytest.raises(DataError, match="asks for"):
            load(content)


def test_chain_of_getattr_reaches_nothing() -> None:
    """Attributes of an admitted name are out of reach: getattr itself is not admitted, wherever it stands."""
    chain = Call(getattr, Call(getattr, np.ndarray, "__class__"), "__subclasses__")
    for hostile in (chain, (np.zeros(1), chain), Call(np.dtype, chain)):
        with pytest.raises(DataError, match=r"asks for .*getattr"):
            load(pickle.dumps(hostile, 4))


def test_refused_module_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that a pickle names is not imported: importing would already run its code."""
    (tmp_path / "planted_module.py").write_text("raise SystemExit('it ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DataError, match=r"planted_module\.anything"):
        load(b"cplanted_module\nanything\n.")
    assert "planted_module" not in sys.modules


def test_object_array_over_chosen_pointers_is_refused() -> None:
    """An array of objects over a buffer, which would follow pointers of the pickle's choice, is not made."""
    content = b"cnumpy\nndarray\n(K\x01\x85\x8c\x01OB\x08\x00\x00\x00AAAAAAAAtR."
    with pytest.raises(DataError, match="not used"):
        load(b"\x80\x04" + content)


@pytest.mark.parametrize(
    "value",
    [
        np.array([print, "text"], dtype=object),
        np.array(["text"]),
        np.array([(1, 2.0)], dtype="i4,f4"),
        np.array(["2024-01-01"], dtype="M8[D]"),
    ],
    ids=["objects", "text", "records", "dates"],
)
def test_arrays_of_anything_but_plain_numbers_are_refused(value: np.ndarray) -> None:
    """Element types that can carry more than a number do not pass."""
    with pytest.raises(DataError, match=r"^some\.pkl: "):
        load(pickle.dumps(value, 4))


@pytest.mark.parametrize("value", [[np.zeros(1)], {"a": 1}, "text", 3, None, (np.zeros(1), "text")])
def test_anything_but_tuples_of_arrays_is_refused(value: object) -> None:
    """What is not an array or a tuple of them is refused, so that callers need not check."""
    with pytest.raises(DataError, match="where an array was expected"):
        load(pickle.dumps(value, 4))


def test_array_of_another_size_than_its_content_is_refused() -> None:
    """A shape that its content does not fill, or a negative one, is an error and no crash."""
    rebuild, arguments, (version, _, kind, fortran, content) = np.zeros(4).__reduce__()
    for shape in ((5,), (2, 3), (-1,), (-2, -2)):

        class Lying:
            def __reduce__(self, shape: tuple[int, ...] = shape) -> tuple[object, ...]:
                return rebuild, arguments, (version, shape, kind, fortran, content)

        with pytest.raises(DataError, match="it holds"):
            load(pickle.dumps(Lying(), 4))


def test_byte_order_is_one_sign() -> None:
    """What stands in the place of the byte order cannot turn numbers into records or objects."""
    rebuild, arguments, (version, shape, _, fortran, content) = np.zeros(4, dtype=np.uint8).__reduce__()
    for order in ("O,", "2", "", "<f4,"):

        class Kind:
            def __reduce__(self, order: str = order) -> tuple[object, ...]:
                return np.dtype, ("u1", False, True), (3, order, None, None, None, -1, -1, 0)

        class Lying:
            def __reduce__(self) -> tuple[object, ...]:
                return rebuild, arguments, (version, shape, Kind(), fortran, content)

        with pytest.raises(DataError, match="byte order"):
            load(pickle.dumps(Lying(), 4))


def test_tuples_nested_without_end_are_refused() -> None:
    """A pickle that nests deeper than Python can follow is an error of the data."""
    with pytest.raises(DataError, match=r"^some\.pkl: "):
        load(b"\x80\x02)" + b"\x85" * 100_000 + b".")


ANY_BYTE_BUT_LONG_BINPUT = st.integers(0, 255).filter(lambda byte: byte != ord("r"))
"""That opcode makes Python itself allocate a table as long as the number that follows."""


@settings(derandomize=True)
@given(st.data())
def test_damage_is_never_anything_but_a_data_error(data: st.DataObject) -> None:
    """A pickle with any few bytes changed gives arrays or DataError, nothing else."""
    content = bytearray(pickle.dumps((np.arange(3.0), np.arange(3)), 3))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(ANY_BYTE_BUT_LONG_BINPUT)
    with suppress(DataError):
        load(bytes(content))


@pytest.mark.parametrize("length", range(0, 120, 7))
def test_truncated_pickle_is_a_data_error(length: int) -> None:
    """A pickle cut off anywhere is an error of the data, not of the program."""
    with pytest.raises(DataError, match=r"^some\.pkl: "):
        load(pickle.dumps(np.zeros(3), 3)[:length])
