"""Timeouts of tests, adapted to the speed of the machine."""

from __future__ import annotations

import functools
import subprocess
import sys
import time

_IDLE_SECONDS = 1.5  # duration of the import in `slowness` on an idle machine


@functools.cache
def slowness() -> float:
    """Return how many times slower than an idle machine this machine is now, at least 1.

    The measure is the time in which a new process imports torch.
    """
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return max(1.0, (time.perf_counter() - began) / _IDLE_SECONDS)


def patience(seconds: float) -> float:
    """Convert a duration on an idle machine to the duration on this machine.

    The machine is measured only once and its load can rise later. Pass many times the seconds that
    are needed.
    """
    return seconds * slowness()
