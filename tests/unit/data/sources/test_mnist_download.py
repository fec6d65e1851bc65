"""Tests of torchvision's download, with local web servers."""

from __future__ import annotations

import gzip
import hashlib
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from torchvision import datasets

from harness.data.sources import mnist
from harness.data.sources.mnist import CHECKSUMS, fetch_by_torchvision
from harness.errors import DataError


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def mirror(folder: Path, files: dict[str, bytes]) -> Iterator[str]:
    """Run a web server with these files. Yield the prefix of its URLs."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def compressed(files: dict[str, bytes]) -> dict[str, bytes]:
    """Compress the files as a mirror does."""
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


def declare(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], *mirrors: str) -> None:
    """Set the mirrors of torchvision and the files that it expects."""
    resources = [(name, hashlib.md5(content).hexdigest()) for name, content in files.items()]
    monkeypatch.setattr(datasets.MNIST, "mirrors", list(mirrors))
    monkeypatch.setattr(datasets.MNIST, "resources", resources)


@pytest.mark.parametrize("damage", ["missing", "other bytes", "not gzip", "cut off"])
def test_torchvision_tries_the_next_mirror_after_a_failure(
    tmp_path: Path,
    raw_files: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
    capfd: pytest.CaptureFixture,
) -> None:
    """A mirror with missing, wrong or damaged files is skipped, and nothing is printed."""
    good = compressed(raw_files)
    bad = dict(good)
    name = "t10k-labels-idx1-ubyte.gz"
    match damage:
        case "missing":
            del bad[name]
        case "other bytes":
            bad[name] = gzip.compress(b"other")
        case "not gzip":
            bad[name] = b"<html>please log in</html>"
        case "cut off":
            bad[name] = bad[name][:-9]
    with mirror(tmp_path / "bad", bad) as first, mirror(tmp_path / "good", good) as second:
        declare(monkeypatch, good, first)
        with pytest.raises(DataError, match=name):
            fetch_by_torchvision()
        declare(monkeypatch, good, first, second)
        assert fetch_by_torchvision() == raw_files
    assert capfd.readouterr() == ("", "")


def test_every_mirror_and_its_reason_is_named(raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """If every mirror fails, the message has the address and the reason of each."""
    with socket.socket() as reserved:  # bound but not listening, so connections are refused
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/"
        declare(monkeypatch, compressed(raw_files), f"{url}a/", f"{url}b/")
        with pytest.raises(DataError, match=rf"Tried {url}a/, got: .*refused.* Tried {url}b/, got: .*refused"):
            fetch_by_torchvision()


def test_a_mirror_that_does_not_respond_times_out(raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that accepts the connection and sends nothing is skipped after the timeout."""
    monkeypatch.setattr(mnist, "MIRROR_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        declare(monkeypatch, compressed(raw_files), f"http://127.0.0.1:{silent.getsockname()[1]}/")
        with pytest.raises(DataError, match="timed out"):
            fetch_by_torchvision()
    assert socket.getdefaulttimeout() is None


def test_a_broken_torchvision_is_a_data_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """If torchvision cannot be imported, the error is a DataError. Other sources are then tried."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(DataError, match="torchvision"):
        fetch_by_torchvision()


def test_torchvision_downloads_the_expected_files() -> None:
    """The files that torchvision downloads have the names of the raw files."""
    assert {name for name, _ in datasets.MNIST.resources} == {f"{name}.gz" for name in CHECKSUMS}
