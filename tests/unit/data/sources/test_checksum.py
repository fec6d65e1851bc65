"""Tests of identification by content."""

import hashlib

import pytest

from harness.data.sources.checksum import check_sha256
from harness.errors import DataError


def test_right_content_passes() -> None:
    """Content with the expected SHA-256 is accepted."""
    check_sha256(b"pixels", hashlib.sha256(b"pixels").hexdigest(), "a file")


def test_other_content_is_named_with_both_checksums() -> None:
    """Other content is an error that says what it is, what was found, what was expected, and what to do."""
    found, expected = hashlib.sha256(b"pixels").hexdigest(), "0" * 64
    with pytest.raises(DataError) as caught:
        check_sha256(b"pixels", expected, "a file", "; replace it")
    assert str(caught.value) == f"a file: its SHA-256 is {found} where {expected} was expected; replace it"
