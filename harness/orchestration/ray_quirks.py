"""All workarounds for Ray 2.60.

`tests/unit/orchestration/test_ray_quirks.py` fails when a workaround is no longer needed.
Environment variables for Ray are in `ray_environment`.
"""

from __future__ import annotations

import contextlib
import logging
import random
import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from ray._private import ray_constants
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import OutOfMemoryError, RayActorError
from ray.tune.progress_reporter import TrialProgressCallback


@contextlib.contextmanager
def lack_of_memory_costs_one_trial() -> Iterator[None]:
    """Make Tune treat a worker that was killed for lack of memory as a lost worker.

    Ray 2.60 raises `OutOfMemoryError` in this case. Tune does not handle this exception and aborts
    all trials. The method in which Tune distinguishes exceptions is private, and there is no public
    one.
    """
    sort = RayActorManager._actor_task_failed

    def sort_with_memory(self: RayActorManager, tracked_actor_task: Any, exception: Exception) -> None:
        if isinstance(exception, OutOfMemoryError):
            exception = RayActorError(error_msg=str(exception))
        sort(self, tracked_actor_task, exception)

    RayActorManager._actor_task_failed = sort_with_memory  # type: ignore[method-assign]
    try:
        yield
    finally:
        RayActorManager._actor_task_failed = sort  # type: ignore[method-assign]


@contextlib.contextmanager
def signal_handlers_kept() -> Iterator[None]:
    """Restore the signal handlers when the block ends.

    `ray.init` replaces the handler of SIGTERM, and Tune those of SIGINT and SIGUSR1. Neither
    restores them.
    """
    numbers = [number for name in ("SIGINT", "SIGTERM", "SIGUSR1") if (number := getattr(signal, name, None))]
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():  # in other threads, Ray does not change them
            for number, handler in before.items():
                if handler is not None:  # a handler that was not set from Python cannot be restored
                    signal.signal(number, handler)


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """Restore the global random generators when the block ends, because Ray uses them."""
    python, arrays = random.getstate(), np.random.get_state()  # noqa: NPY002  # the legacy generator is global
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)  # noqa: NPY002


@contextlib.contextmanager
def silent_loggers() -> Iterator[None]:
    """Silence Ray's loggers inside the block. The harness reports all relevant events itself."""
    loggers = [logging.getLogger(name) for name in ("ray", "ray.tune", "ray.train")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


class Unsaved:
    """Mixin for objects that pickle to an empty state.

    Tune pickles its callbacks and schedulers to disk. That is not needed here, because a run is
    resumed from the journal.
    """

    def __getstate__(self) -> dict[str, object]:
        return {}


class SilentProgress(TrialProgressCallback):
    """Silent replacement for a callback that Tune adds by default and that ignores `verbose`."""

    def __init__(self) -> None:
        super().__init__(metric=None)

    def _print(self, msg: str) -> None:
        """Print nothing."""


@contextlib.contextmanager
def on_the_loopback() -> Iterator[None]:
    """Make the servers of a cluster that is started in the block listen on the loopback only.

    Ray replaces 127.0.0.1 by the network address of this machine, unless clusters of several
    machines are disabled, as they are on Windows and macOS.
    """
    several_machines = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = several_machines


_LEFT = "WorkerLostError: "


def death(error_text: str) -> str:
    """Return the reason why a worker died, from the text of Ray's error.

    >>> death("The actor died because its node has died.")
    'its machine left the cluster'
    >>> death("Traceback ... WorkerLostError: the GPU can no longer be used")
    'it ended itself: the GPU can no longer be used'
    """
    text = " ".join(error_text.split())
    if _LEFT in text:
        return f"it ended itself: {text.rpartition(_LEFT)[2][:300]}"
    if "OutOfMemory" in text or "low on memory" in text:
        return "the machine ran out of memory, and the worker that used the most was killed"
    if any(sign in text for sign in ("NodeDied", "node died", "node has died", "node was terminated")):
        return "its machine left the cluster"
    if "actor died" in text or "actor is dead" in text or "unexpectedly" in text or "SIGKILL" in text:
        return "its process was killed or crashed"
    return text[:300] or "its process ended"
