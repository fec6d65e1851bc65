"""Tests of the mirrors, against web servers on this machine."""

from __future__ import annotations

import gzip
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.data.sources import mnist_mirrors
from harness.data.sources.mnist_mirrors import declared_mirrors, fetch_from_mirrors
from harness.errors import DataError


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the screen."""


@contextmanager
def mirror(folder: Path, files: dict[str, bytes]) -> Iterator[str]:
    """A web server with these files; gives its URL prefix."""
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
    """The files as a mirror has them."""
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


def declare(monkeypatch: pytest.MonkeyPatch, *mirrors: str) -> None:
    """Let these be the mirrors."""
    monkeypatch.setattr(mnist_mirrors, "declared_mirrors", lambda: mirrors)


def test_files_are_fetched_and_uncompressed(
    tmp_path: Path, raw_files: dict[str, bytes], checksums: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror that has the files gives exactly those that are wanted."""
    wanted = dict(list(checksums.items())[:2])
    with mirror(tmp_path / "www", compressed(raw_files)) as url:
        declare(monkeypatch, url)
        assert fetch_from_mirrors(wanted) == {name: raw_files[name] for name in wanted}


@pytest.mark.parametrize("damage", ["missing", "other bytes", "not gzip", "cut off"])
def test_next_mirror_is_asked_when_one_fails(
    tmp_path: Path,
    raw_files: dict[str, bytes],
    checksums: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
) -> None:
    """A mirror without the files, or with wrong or damaged ones, is passed over."""
    bad = compressed(raw_files)
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
    with mirror(tmp_path / "bad", bad) as first, mirror(tmp_path / "good", compressed(raw_files)) as second:
        declare(monkeypatch, first)
        with pytest.raises(DataError, match=name):
            fetch_from_mirrors(checksums)
        declare(monkeypatch, first, second)
        assert fetch_from_mirrors(checksums) == raw_files


def test_every_mirror_and_its_reason_is_named(checksums: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """When no mirror answers, the message has the address and the reason of each."""
    with socket.socket() as reserved:  # bound and not listening: connections are refused
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/"
        declare(monkeypatch, f"{url}a/", f"{url}b/")
        with pytest.raises(DataError, match=rf"{url}a/train-images.*, {url}b/train-images"):
            fetch_from_mirrors(checksums)


def test_silent_mirror_is_given_up(checksums: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that accepts the connection and says nothing costs the time limit, not forever."""
    monkeypatch.setattr(mnist_mirrors, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        declare(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        with pytest.raises(DataError, match="timed out"):
            fetch_from_mirrors(checksums)


def test_torchvision_declares_mirrors() -> None:
    """The list that is used is torchvision's, and each entry is a URL prefix."""
    mirrors = declared_mirrors()
    assert mirrors
    assert all(url.startswith("http") and url.endswith("/") for url in mirrors)


def test_broken_torchvision_is_a_reason_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torchvision cannot be imported, other sources still get their turn."""
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(DataError, match="torchvision cannot be imported"):
        declared_mirrors()
