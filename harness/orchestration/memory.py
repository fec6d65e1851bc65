"""A worker that Ray ends for want of memory costs its own trial, and not the whole experiment."""

from __future__ import annotations

from functools import cache
from typing import Any

from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import OutOfMemoryError, RayActorError


@cache
def lack_of_memory_costs_one_trial() -> None:
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
