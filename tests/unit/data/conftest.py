"""A small MNIST for tests: raw files of 28x28 images whose checksums are the expected ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from harness.data.dataset import Split
from harness.data.sources import mnist
from harness.data.sources.idx import format_idx


@pytest.fixture
def raw_files() -> dict[str, bytes]:
    """Four raw files: 60 training and 20 test images, with the same number of images per class."""
    generator = np.random.default_rng(0)
    files = {}
    for prefix, size in (("train", 60), ("t10k", 20)):
        images = generator.integers(0, 256, (size, 28, 28), dtype=np.uint8)
        files[f"{prefix}-images-idx3-ubyte"] = format_idx(images)
        files[f"{prefix}-labels-idx1-ubyte"] = format_idx(np.arange(size, dtype=np.uint8) % 10)
    return files


@pytest.fixture
def checksums(raw_files: dict[str, bytes]) -> dict[str, str]:
    """SHA-256 of each of the small raw files."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in raw_files.items()}


@pytest.fixture
def cache(tmp_path: Path, checksums: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, without any download source. The small raw files count as MNIST."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(mnist, "CHECKSUMS", checksums)
    monkeypatch.setattr(mnist, "SOURCES", {})
    monkeypatch.setattr(mnist, "mnist_cache", lambda: folder)
    return folder


@pytest.fixture
def whole() -> Split:
    """100 images (1, 4, 4) of ten classes of different sizes: class k has 1 + 2k images."""
    labels = np.repeat(np.arange(10), 1 + 2 * np.arange(10)).astype(np.int64)
    np.random.default_rng(1).shuffle(labels)
    images = np.random.default_rng(2).integers(0, 256, (100, 1, 4, 4), dtype=np.uint8)
    return Split(images, labels)
