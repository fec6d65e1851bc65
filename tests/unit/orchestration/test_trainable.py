"""Tests of the deadline of a worker."""

from __future__ import annotations

import subprocess
import sys

import pytest
from patience import patience

LOOPS = {
    "a loop": "while True: pass",
    "a lock that is never released": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "a computation inside one call": "10 ** (10 ** 9)",  # holds the global interpreter lock all the time
}


@pytest.mark.parametrize("hang", LOOPS.values(), ids=LOOPS)
def test_a_process_that_hangs_is_killed(hang: str) -> None:
    """The deadline ends the process even if no other thread can run."""
    script = f"from harness.orchestration.trainable import ended_after\nwith ended_after(1.0):\n    {hang}\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Timeout" in done.stderr


def test_a_process_that_is_done_or_waits_is_not_killed() -> None:
    """The clock does not run between `stop` and `start`, or after the block."""
    limit = patience(1.0)
    script = (
        "import time\nfrom harness.orchestration.trainable import ended_after\n"
        f"with ended_after({limit}) as clock:\n    clock.stop()\n    time.sleep({1.5 * limit})\n    clock.start()\n"
        f"time.sleep({1.5 * limit})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
