"""The deadline of a worker: it ends a process that nothing else could end."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOPS = {
    "a loop": "while True: pass",
    "a lock that is never released": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "a computation inside one call": "10 ** (10 ** 9)",  # it holds the interpreter's lock all the while
}


@pytest.mark.parametrize("hang", LOOPS.values(), ids=LOOPS)
def test_a_process_that_hangs_is_ended(hang: str) -> None:
    """Whether or not other threads could still run."""
    script = f"from harness.orchestration.trainable import ended_after\nwith ended_after(1.0):\n    {hang}\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Timeout" in done.stderr


def test_a_process_that_is_done_or_waits_for_the_driver_is_not_ended() -> None:
    """The clock does not run between `stop` and `start`, nor after the block."""
    script = (
        "import time\nfrom harness.orchestration.trainable import ended_after\n"
        "with ended_after(1.0) as clock:\n    clock.stop()\n    time.sleep(2)\n    clock.start()\n"
        "time.sleep(2)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
