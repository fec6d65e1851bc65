"""MNIST from the mirrors that torchvision declares."""

from __future__ import annotations

import gzip
import http.client
import urllib.request
import zlib
from collections.abc import Mapping

from harness.data.sources.checksum import check_sha256
from harness.errors import DataError

TIMEOUT = 5.0
"""Seconds that a mirror may stay silent: a machine without a way out should know soon."""

SIZE_LIMIT = 2**26
"""Bytes that are read of one answer; the largest file has 10 million."""


def fetch_from_mirrors(wanted: Mapping[str, str]) -> dict[str, bytes]:
    """Raw files, all from the first mirror that has them.

    torchvision's own `download` has no time limit and prints a progress bar, so its list is used without it.

    Args:
        wanted: name of each raw file to its hexadecimal SHA-256.

    Returns:
        Name of each raw file to its content, uncompressed.

    Raises:
        DataError: no mirror answers, or none has the right bytes.
    """
    reasons = []
    for mirror in declared_mirrors():
        try:
            return {name: _fetch(f"{mirror}{name}.gz", sha256) for name, sha256 in wanted.items()}
        except DataError as error:
            reasons.append(str(error))
    raise DataError(", ".join(reasons) or "torchvision declares no mirrors")


def declared_mirrors() -> tuple[str, ...]:
    """URL prefixes of torchvision's mirrors of MNIST.

    Raises:
        DataError: torchvision cannot be imported.
    """
    try:
        # Here, because it imports torch, which takes seconds that a filled cache saves.
        from torchvision.datasets import MNIST
    except (ImportError, RuntimeError) as error:  # RuntimeError: built for another torch
        raise DataError(f"torchvision cannot be imported: {error}") from None
    return tuple(MNIST.mirrors)


def _fetch(url: str, sha256: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            content = gzip.decompress(answer.read(SIZE_LIMIT))
    except (OSError, EOFError, zlib.error, http.client.HTTPException) as error:
        raise DataError(f"{url}: {error}") from None
    check_sha256(content, sha256, url)
    return content
