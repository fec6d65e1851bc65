"""A study from Python: its results, its loggers, and the process that ran it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SCRIPT = """
import logging, os, random, signal, sys, threading
import numpy
from harness import Study, run_study

def state():
    loggers = {name: logging.getLogger(name).level for name in ("", "ray", "ray.tune", "ray.train")}
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    return dict(os.environ), signals, loggers, random.getstate(), numpy.random.get_state()[1].tolist()

def run(folder):
    changes = {
        "confirm.seeds": 1, "confirm.default_seeds": 0, "audit.trials": 0, "loggers": ["tensorboard"],
        "architectures.mlp.space": {"epochs": 8},
    }
    study = Study.load("smoke", changes, data="digits").restricted_to(["mlp"])
    found.append(run_study(study, output=folder, quiet=True).accuracy["mean"]["mlp"])

found, names = [], ["environment", "signal handlers", "loggers", "random", "numpy"]
import ray  # its import changes the process, which is not checked here
before = state()
if sys.argv[1] == "thread":
    thread = threading.Thread(target=run, args=(sys.argv[2],))
    thread.start()
    thread.join()
else:
    run(sys.argv[2])
changed = [name for name, old, new in zip(names, before, state()) if old != new]
print(changed, found[0] > 0.5)
"""


def run_script(where: str, place: Path) -> str:
    """Run the study in a thread of a new process; returns the last line of its output."""
    script = place / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), where, str(place / "run")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[-2]


@pytest.fixture(scope="module")
def in_a_thread(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Last line of a script that ran a study in a thread, and the run folder."""
    place = tmp_path_factory.mktemp("api")
    return run_script("thread", place), place / "run"


def test_a_run_in_a_thread_leaves_the_process_as_it_was(in_a_thread: tuple[str, Path]) -> None:
    """Nothing in the process has changed. The script has no guard for the main module."""
    assert in_a_thread[0] == "[] True"


@pytest.mark.exhaustive
def test_a_run_in_the_main_thread_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    """Signal handlers, which only the main thread can set, are also as before."""
    assert run_script("main", tmp_path) == "[] True"


def test_tensorboard_has_every_trial(in_a_thread: tuple[str, Path]) -> None:
    """The run folder has one folder of event files per trial, with losses and accuracies."""
    folders = sorted((in_a_thread[1] / "loggers" / "tensorboard").iterdir())
    assert len(folders) == 2
    for trial in folders:
        [events] = trial.glob("events.out.tfevents.*")
        content = events.read_bytes()
        assert content.count(b"ray/tune/validation_accuracy") >= 8  # once for each epoch
        assert b"architecture" in content
        assert b"checkpoint" not in content
