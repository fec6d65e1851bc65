"""Runs of the real command, to which faults happen."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from patience import patience

from harness.records.trial import TrialRecord
from harness.runs.journal import read_journal

ROOT = Path(__file__).parents[2]
PLANTED = Path(__file__).parent / "planted.py"
STEPS = 30  # steps of an epoch of the planted architectures: 960 images of digits in batches of 32
MARK = "HARNESS_TEST_RUN"


class Command:
    """A running command and all processes that it started.

    Args:
        arguments: Arguments of `python -m harness.run`.
        logs: Folder for the output.
        environment: Environment variables to add.
        before: Command that runs this one, for example in a separate namespace.
    """

    def __init__(
        self,
        arguments: Sequence[str | Path],
        logs: Path,
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> None:
        self.mark = uuid.uuid4().hex
        self._out, self._err = logs / f"{self.mark}.out", logs / f"{self.mark}.err"
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "harness.run", *map(str, arguments)],
                stdout=out,
                stderr=err,
                cwd=ROOT,
                env=os.environ | {MARK: self.mark} | dict(environment or {}),
            )

    @property
    def stdout(self) -> str:
        return self._out.read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        return self._err.read_text(encoding="utf-8")

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition is true while the command runs."""
        while not condition():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.stderr}"
            time.sleep(0.05)

    def stop_when(self, condition: Callable[[], bool]) -> None:
        """Pause the command, but not its workers, while the condition is true.

        No trial ends during the pause, because a worker waits until its last message is received.
        """

        def stopped() -> bool:
            if not condition():
                return False
            self.send(signal.SIGSTOP)
            while psutil.Process(self.process.pid).status() != psutil.STATUS_STOPPED:
                time.sleep(0.01)
            if condition():
                return True
            self.send(signal.SIGCONT)
            return False

        self.wait_until(stopped)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def end(self) -> int:
        """Wait for the end, and return the exit code."""
        return self.process.wait()

    def processes(self) -> list[psutil.Process]:
        """Return all processes of the run, including the command.

        Their environment has its mark.
        """
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == self.mark:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def workers(self) -> list[psutil.Process]:
        """Return Ray's workers that run trials."""
        return [process for process in self.processes() if "ray::ImplicitFunc" in _command_line(process)]

    def assert_nothing_is_left(self) -> None:
        """Check that all processes of the run end.

        An agent of Ray may wait a minute for a server that has ended.
        """
        deadline = time.monotonic() + patience(200)
        while left := self.processes():
            assert time.monotonic() < deadline, f"left over: {[_command_line(process) for process in left]}"
            time.sleep(0.2)

    def kill_all(self) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def _command_line(process: psutil.Process) -> str:
    """Return the command line, or an empty text if the process has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # also zombies
        return ""


def own(*names: str) -> list[str]:
    """Return the options that name planted architectures."""
    return [word for name in names for word in ("--architecture", f"{PLANTED}:{name}")]


def planted(tmp_path: Path, **environment: str) -> dict[str, str]:
    """Return the environment variables that planted architectures read."""
    return {
        "PLANTED_STEPS": str(STEPS),
        "PLANTED_WITNESS": str(tmp_path / "witness"),
    } | environment


def lines(folder: Path) -> int:
    """Return the number of complete lines of a journal that may not exist yet."""
    try:
        return (folder / "journal.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


def journal(folder: Path) -> tuple[TrialRecord, ...]:
    return read_journal(folder / "journal.jsonl")


def numbers(folder: Path) -> dict[str, Any]:
    """Return the results of a run without everything that depends on the speed of the machine."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    untimed = [
        {
            key: without(entry[key], {"train_seconds"})
            for key in ("name", "no_result", "hyperparameters", "parameters", "search", "confirm", "default", "group")
        }
        | {"confusion_matrix": entry["confusion_matrix"], "selection": entry["selection"]}
        for entry in results["architectures"]
    ]
    trials = pd.read_csv(folder / "trials.csv", dtype=str)
    kept = [name for name in trials.columns if not name.endswith("_seconds") and name not in ("node", "attempts")]
    epochs = pd.read_csv(folder / "epochs.csv", dtype=str)
    untimed_epochs = epochs[[name for name in epochs.columns if not name.endswith("_seconds")]]
    return {
        "architectures": untimed,
        "ranking": results["ranking"],
        "verdicts": results["verdicts"],
        "audit": results["audit"],
        "trials": sorted(map(tuple, trials[kept].fillna("").to_numpy().tolist())),
        "epochs": sorted(map(tuple, untimed_epochs.to_numpy().tolist())),
    }


def without(value: Any, names: set[str]) -> Any:
    """Return a plain value without these keys at any depth."""
    if isinstance(value, dict):
        return {key: without(inner, names) for key, inner in value.items() if key not in names}
    if isinstance(value, list):
        return [without(inner, names) for inner in value]
    return value
