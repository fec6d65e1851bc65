"""Tests of running a study from Python."""

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
    study = Study.load("smoke", {"confirm.seeds": 1, "confirm.default_seeds": 0, "audit.trials": 0}, data="digits")
    found.append(run_study(study.restricted_to(["mlp"]), output=folder, quiet=True).accuracy["mean"]["mlp"])

found, names = [], ["environment", "signal handlers", "loggers", "random", "numpy"]
import ray  # what it changes when it is imported is not ours
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


@pytest.mark.parametrize("where", [pytest.param("main", marks=pytest.mark.exhaustive), "thread"])
def test_a_run_leaves_the_process_as_it_was(where: str, tmp_path: Path) -> None:
    """A run in the main thread or in another one does not change the state of the process.

    The script does not check whether it is the main module.
    """
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), where, str(tmp_path / "run")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == "[] True"
