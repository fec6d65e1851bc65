"""Files of data sets: checked, and written whole."""

import hashlib
from pathlib import Path

import pytest

from harness.data.sources.files import check_sha256, locked, replacing
from harness.errors import DataError


def test_right_content_passes() -> None:
    """Content with the expected SHA-256 is accepted."""
    check_sha256(b"pixels", hashlib.sha256(b"pixels").hexdigest(), "a file")


def test_other_content_is_named_with_both_checksums() -> None:
    """Other content is an error that says what it is, what was found, what was expected, and what to do."""
    found, expected = hashlib.sha256(b"pixels").hexdigest(), "0" * 64
    with pytest.raises(DataError) as caught:
        check_sha256(b"pixels", expected, "a file", "; replace it")
    assert str(caught.value) == f"a file: its SHA-256 is {found}, but {expected} was expected; replace it"


def test_a_file_is_replaced_when_it_is_whole(tmp_path: Path) -> None:
    """Until the block ends the old file is there; after an error it is there still, and nothing else."""
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
    """The message says what was to be stored there, and what to do."""
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(DataError, match=r"file: images cannot be stored there: .*; make room"),
        locked(tmp_path / "file" / "lock", "images", "make room"),
    ):
        pass
