"""Everything that works around Ray 2.60, in one place.

`tests/unit/orchestration/test_ray_quirks.py` fails when a workaround is needed no longer.
What Ray reads from the environment is in `ray_environment`.
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
    """Have Tune take a worker that was ended for want of memory for a worker that was lost, which it is.

    Ray raises an exception of another kind for it (Ray 2.60, `OutOfMemoryError`), and Tune, which does not know that
    kind, gives up every trial. The place where Tune sorts exceptions is private, and there is no public one.
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
    """Put the handlers of signals back: `ray.init` takes SIGTERM, and Tune SIGINT and SIGUSR1, and both keep them."""
    numbers = [number for name in ("SIGINT", "SIGTERM", "SIGUSR1") if (number := getattr(signal, name, None))]
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():  # in any other, Ray leaves them alone
            for number, handler in before.items():
                if handler is not None:  # one that was not set from Python cannot be put back
                    signal.signal(number, handler)


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """Put the random generators of the process back, from which Ray draws."""
    python, arrays = random.getstate(), np.random.get_state()  # noqa: NPY002  # it is the one that others draw from
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)  # noqa: NPY002


@contextlib.contextmanager
def silent_loggers() -> Iterator[None]:
    """Ray's loggers are silent: the harness reports in its own words what matters to a user."""
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
    """Pickles as nothing: Tune writes its callbacks and schedulers to disk, and the journal is what is resumed from."""

    def __getstate__(self) -> dict[str, object]:
        return {}


class SilentProgress(TrialProgressCallback):
    """Takes the place of a callback that Tune would add, and that prints whatever `verbose` says."""

    def __init__(self) -> None:
        super().__init__(metric=None)

    def _print(self, msg: str) -> None:
        """Nothing."""


@contextlib.contextmanager
def on_the_loopback() -> Iterator[None]:
    """A cluster that is started in here is for this machine alone: its servers listen on the loopback.

    Ray takes the address of this machine in the network for a node that is asked to be at 127.0.0.1, unless it believes
    that clusters of several machines are out of the question, as on Windows and macOS.
    """
    several_machines = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = several_machines


_LEFT = "WorkerLostError: "


def death(said: str) -> str:
    """Why a worker died, in words.

    >>> death("The actor died because its node has died.")
    'its machine left the cluster'
    >>> death("Traceback ... WorkerLostError: the GPU can no longer be used")
    'it had to end: the GPU can no longer be used'
    """
    text = " ".join(said.split())
    if _LEFT in text:
        return f"it had to end: {text.rpartition(_LEFT)[2][:300]}"
    if "OutOfMemory" in text or "low on memory" in text:
        return "the machine ran out of memory, and the worker that used most was ended"
    if any(sign in text for sign in ("NodeDied", "node died", "node has died", "node was terminated")):
        return "its machine left the cluster"
    if "actor died" in text or "actor is dead" in text or "unexpectedly" in text or "SIGKILL" in text:
        return "its process ended (killed, or crashed inside a library)"
    return text[:300] or "its process ended"
