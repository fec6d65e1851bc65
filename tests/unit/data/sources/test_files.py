"""Tests of files of data sets: checksums, and writing without partial files."""

import hashlib
from pathlib import Path

import pytest

from harness.data.sources.files import check_sha256, locked, replacing
from harness.errors import DataError


def test_content_with_the_expected_checksum_is_accepted() -> None:
    """Content with the expected SHA-256 raises no error."""
    check_sha256(b"pixels", hashlib.sha256(b"pixels").hexdigest(), "a file")


def test_wrong_content_is_refused_with_both_checksums() -> None:
    """The error names the file, the checksum found, the expected checksum and the remedy."""
    found, expected = hashlib.sha256(b"pixels").hexdigest(), "0" * 64
    with pytest.raises(DataError) as caught:
        check_sha256(b"pixels", expected, "a file", "; replace it")
    assert str(caught.value) == f"a file: its SHA-256 is {found}, but {expected} was expected; replace it"


def test_a_file_is_replaced_only_when_it_is_complete(tmp_path: Path) -> None:
    """The old file remains until the block ends.

    After an error it also remains, without other files.
    """
    path = tmp_path / "images"
    path.write_bytes(b"old")
    with replacing(path) as unfinished:
        unfinished.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"

    def write_half(unfinished: Path) -> None:
        unfinished.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), replacing(path) as unfinished:
        write_half(unfinished)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error names the folder, what could not be stored there and the remedy."""
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(DataError, match=r"file: images cannot be stored there: .*; make room"),
        locked(tmp_path / "file" / "lock", "images", "make room"),
    ):
        pass
