"""How long a test waits before it takes a silence for a hang, on a machine of any speed."""

from __future__ import annotations

import functools
import subprocess
import sys
import time

_IDLE_SECONDS = 1.5  # that an idle machine takes for what `slowness` measures


@functools.cache
def slowness() -> float:
    """How many times longer than on an idle machine a new process takes to import torch now; at least 1."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return max(1.0, (time.perf_counter() - began) / _IDLE_SECONDS)


def patience(seconds: float) -> float:
    """Seconds on this machine that are worth so many on an idle one.

    The machine is measured once, and its load can rise afterwards: ask for many times what is needed.
    """
    return seconds * slowness()
