"""What happens to the process beside when the command ends before it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from harness.pipeline.interruption import side_process


def test_it_works_and_ends_with_the_block() -> None:
    """A value comes back, and afterwards there is no such process."""
    with side_process() as beside:
        pid = beside.submit(os.getpid).result()
        assert pid != os.getpid()
    assert not psutil.pid_exists(pid)


def test_it_raises_here_what_was_raised_there() -> None:
    """An error of its work is an error of whoever asks for the result."""
    with side_process() as beside, pytest.raises(ValueError, match="invalid literal"):
        beside.submit(int, "seven").result()


def test_an_interruption_does_not_wait_for_what_it_does() -> None:
    """A Ctrl-C in the block ends the process in the midst of its work."""
    pids = []

    def interrupted() -> None:
        with side_process() as beside:
            pids.append(beside.submit(os.getpid).result())
            beside.submit(time.sleep, 3600)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not psutil.pid_exists(pids[0])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_a_command_that_was_killed(how) -> None:
    """No process is left behind, even when the command had no time to end it."""
    script = (
        "import os, time; from harness.pipeline.interruption import side_process\n"
        "if __name__ == '__main__':\n"
        "    with side_process() as beside:\n"
        "        print(beside.submit(os.getpid).result(), flush=True); time.sleep(3600)\n"
    )
    command = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid = int(command.stdout.readline())
    beside = psutil.Process(pid)
    command.send_signal(how)
    command.wait()
    beside.wait()
