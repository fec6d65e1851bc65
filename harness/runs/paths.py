"""The folder of a run: what lies where, and how it gets there without ever being half written."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import Argument, RunFolderError

_LOCK = ".lock"


class RunFolder:
    """Paths of a run folder, and writing into it.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """A new run folder.

        Raises:
            RunFolderError: there is something in it already, or it cannot be written.
        """
        try:
            if path.is_file():
                raise RunFolderError(Argument("output", path), ": is a file; name a folder")
            if path.is_dir() and any(entry.name != _LOCK for entry in path.iterdir()):
                raise RunFolderError(
                    Argument("output", path),
                    ": the folder exists and is not empty; name another one, or continue that run with ",
                    Argument("resume", path),
                )
            path.mkdir(parents=True, exist_ok=True)
            for below in ("predictions", "models", "figures"):
                (path / below).mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass  # a folder can exist and still refuse files
        except OSError as error:
            raise RunFolderError(Argument("output", path), f": cannot be written: {error.strerror}") from None
        return cls(path)

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """The folder of an earlier run.

        Raises:
            RunFolderError: it is not one.
        """
        for name in ("study.yaml", "journal.jsonl"):
            if not (path / name).is_file():
                raise RunFolderError(
                    Argument("resume", path), f": there is no {name}; give the folder that a run has written"
                )
        return cls(path)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other process from running this folder; the hold ends with this process, however it ends.

        Raises:
            RunFolderError: another process holds it, or the folder cannot be written.
        """
        lock = FileLock(self.path / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunFolderError(
                f"{self.path}: another process is running this folder; wait for it, or end it first"
            ) from None
        except OSError as error:
            raise RunFolderError(f"{self.path}: cannot be written: {error.strerror}; make it writable") from None
        try:
            yield
        finally:
            lock.release()

    @property
    def journal(self) -> Path:
        """Every trial that ended."""
        return self.path / "journal.jsonl"

    @property
    def study(self) -> Path:
        """The resolved study."""
        return self.path / "study.yaml"

    @property
    def environment(self) -> Path:
        """What ran where."""
        return self.path / "environment.json"

    @property
    def missed(self) -> Path:
        """Test images that some confirmed model got wrong, and what every model took them for."""
        return self.path / "predictions" / "missed.npz"

    @property
    def costs(self) -> Path:
        """Latency and throughput of the confirmed models."""
        return self.path / "costs.json"

    def checkpoint(self, trial_id: str) -> Path:
        """What a trial that has not ended can go on from."""
        return self.path / "checkpoints" / f"{trial_id}.safetensors"

    def predictions(self, architecture: str, seed: int) -> Path:
        """Labels and probabilities of one confirmed model, of the selected configuration."""
        return self.path / "predictions" / f"{architecture}-seed{seed}.npz"

    def default_predictions(self, architecture: str, seed: int) -> Path:
        """Labels and probabilities of one confirmed model, of the default configuration that was not selected."""
        return self.path / "predictions" / f"{architecture}-default-seed{seed}.npz"

    def model(self, architecture: str) -> Path:
        """What rebuilds the first seed's model; its weights lie beside it."""
        return self.path / "models" / f"{architecture}.json"

    def weights(self, architecture: str) -> Path:
        """Weights of the first seed's model."""
        return self.path / "models" / f"{architecture}.safetensors"
