"""Data is what its SHA-256 says it is, wherever it comes from."""

from __future__ import annotations

import hashlib

from harness.errors import DataError


def check_sha256(content: bytes, expected: str, what: str, remedy: str = "") -> None:
    """Accept content that has the expected SHA-256.

    Args:
        content: the bytes in question.
        expected: hexadecimal digest.
        what: what the content is called, for the message of an error.
        remedy: what the user can do, for the same message.

    Raises:
        DataError: the digest is another.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(f"{what}: its SHA-256 is {found} where {expected} was expected" + remedy)
