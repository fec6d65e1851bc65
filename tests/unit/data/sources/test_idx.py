"""Tests of the IDX format."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from harness.data.sources.idx import format_idx, parse_idx
from harness.errors import DataError

SMALL = format_idx(np.arange(6, dtype=np.uint8).reshape(2, 3))


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)))
def test_parse_undoes_format(array: np.ndarray) -> None:
    """Parsing a formatted array gives the same shape and values."""
    parsed = parse_idx(format_idx(array), "file")
    assert parsed.shape == array.shape
    assert np.array_equal(parsed, array)


def test_bytes_follow_the_idx_specification() -> None:
    """Sizes are big-endian, and the last dimension varies fastest."""
    content = bytes.fromhex("00000802 00000002 00000003 010203040506")
    assert parse_idx(content, "file").tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_transposed_array_is_written_in_its_logical_order() -> None:
    """The memory layout of an array does not affect the file."""
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert parse_idx(format_idx(array.T), "file").tolist() == array.T.tolist()


def test_parsed_array_is_writable_and_contiguous() -> None:
    """The parsed array can be passed to torch, which refuses read-only memory."""
    flags = parse_idx(SMALL, "file").flags
    assert flags.writeable
    assert flags.c_contiguous


@given(st.integers(0, len(SMALL) - 1))
def test_any_truncation_is_an_error_that_names_the_file(length: int) -> None:
    """A file that is truncated anywhere, including its header, is refused with its name."""
    with pytest.raises(DataError, match=r"^labels-file: "):
        parse_idx(SMALL[:length], "labels-file")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<html>", "not an IDX file"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x00", "not an IDX file of unsigned bytes"),
        (SMALL[:9], "header is incomplete"),
        (SMALL[:-1], "specifies 18 bytes, but the file has 17"),
        (SMALL + b"\x00", "specifies 18 bytes, but the file has 19"),
        (b"\x00\x00\x08\x04" + b"\xff" * 16, "specifies"),
    ],
    ids=["page", "floats", "header", "short", "long", "absurd sizes"],
)
def test_each_kind_of_damage_has_its_own_message(content: bytes, problem: str) -> None:
    """The message names the kind of damage."""
    with pytest.raises(DataError, match=problem):
        parse_idx(content, "file")
