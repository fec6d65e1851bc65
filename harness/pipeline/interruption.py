"""Ctrl-C and SIGTERM while things start, and a process for what can be done beside."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context, parent_process


@contextlib.contextmanager
def side_process() -> Iterator[ProcessPoolExecutor]:
    """One process for work that can be done beside; it outlives neither an error here nor the end of this process."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin_side_process) as beside:
        try:
            yield beside
        except BaseException:
            end_side_processes()
            raise


def end_side_processes() -> None:
    """End them in the midst of what they do; whoever waits for a result hears that the pool is broken."""
    for process in active_children():
        process.terminate()


def _begin_side_process() -> None:
    # Ctrl-C is for the process that was given the command.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A pool that lost its parent to a signal waits for work for ever.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def import_ray() -> None:
    """Import Ray, and let a Ctrl-C wait for the end of that.

    Raises:
        KeyboardInterrupt: there was one.
    """
    interrupted = remember_interruption()
    importlib.import_module("harness.orchestration")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupted.is_set():
        raise KeyboardInterrupt


def remember_interruption() -> threading.Event:
    """Is set by the first Ctrl-C from here on; a second one raises KeyboardInterrupt.

    While torch and Ray are imported and started, an exception in the midst of their code can be swallowed or hang.
    """
    interrupted = threading.Event()

    def remember(*_: object) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    signal.signal(signal.SIGINT, remember)
    return interrupted


def stop_on_termination() -> None:
    """Let SIGTERM end a run as Ctrl-C does; Ray would end it without a report."""
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
