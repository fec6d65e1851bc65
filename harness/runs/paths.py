"""Paths in a run folder, and its lock."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import Argument, RunFolderError

_LOCK = ".lock"


class RunFolder:
    """Paths in a run folder.

    Attributes:
        path: Path of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """Create a run folder.

        Raises:
            RunFolderError: The folder is not empty or cannot be written.
        """
        try:
            if path.is_file():
                raise RunFolderError(Argument("output", path), ": this is a file; give a folder")
            if path.is_dir() and any(entry.name != _LOCK for entry in path.iterdir()):
                raise RunFolderError(
                    Argument("output", path),
                    ": the folder exists and is not empty; give another folder, or resume the run in it with ",
                    Argument("resume", path),
                )
            path.mkdir(parents=True, exist_ok=True)
            for below in ("predictions", "models", "figures"):
                (path / below).mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass  # checks that files can be created in the folder
        except OSError as error:
            raise RunFolderError(
                Argument("output", path), f": cannot be written: {error.strerror}; choose another folder"
            ) from None
        return cls(path)

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """Return the folder of an earlier run.

        Raises:
            RunFolderError: The path is not a run folder.
        """
        for name in ("study.yaml", "journal.jsonl"):
            if not (path / name).is_file():
                raise RunFolderError(
                    Argument("resume", path), f": there is no {name} in it; give a folder that a run has written"
                )
        return cls(path)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Lock the folder against runs of other processes. A process that dies releases its lock.

        Raises:
            RunFolderError: Another process has locked the folder, or it cannot be written.
        """
        lock = FileLock(self.path / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunFolderError(
                f"{self.path}: another process is running a study in this folder; wait until it ends, or interrupt it"
            ) from None
        except OSError as error:
            raise RunFolderError(
                f"{self.path}: cannot be written: {error.strerror}; make the folder writable"
            ) from None
        try:
            yield
        finally:
            lock.release()

    @property
    def journal(self) -> Path:
        """Journal of all trials that have ended."""
        return self.path / "journal.jsonl"

    @property
    def study(self) -> Path:
        """The resolved study."""
        return self.path / "study.yaml"

    @property
    def environment(self) -> Path:
        """Versions, hardware, data and timeline of the run."""
        return self.path / "environment.json"

    @property
    def missed(self) -> Path:
        """Test images that a confirmed model misclassified, with the predictions of every model."""
        return self.path / "predictions" / "missed.npz"

    @property
    def costs(self) -> Path:
        """Latency and throughput of the confirmed models."""
        return self.path / "costs.json"

    def checkpoint(self, trial_id: str) -> Path:
        """Checkpoint of a trial that has not ended."""
        return self.path / "checkpoints" / f"{trial_id}.safetensors"

    def predictions(self, architecture: str, seed: int) -> Path:
        """Labels and probabilities of one confirmed model of the selected configuration."""
        return self.path / "predictions" / f"{architecture}-seed{seed}.npz"

    def default_predictions(self, architecture: str, seed: int) -> Path:
        """The same for a model of the default configuration, if that was not selected."""
        return self.path / "predictions" / f"{architecture}-default-seed{seed}.npz"

    def model(self, architecture: str) -> Path:
        """Description of the model of the first seed, without its weights."""
        return self.path / "models" / f"{architecture}.json"

    def weights(self, architecture: str) -> Path:
        """Weights of the model of the first seed."""
        return self.path / "models" / f"{architecture}.safetensors"
