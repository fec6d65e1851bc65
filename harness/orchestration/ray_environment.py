"""Environment variables for Ray. This module does not import Ray."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

# A variable that the user has set keeps the user's value.
ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",  # only the old output engine can be silenced
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # workers need the environment of the driver, not a copy of it
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_worker_niceness": "0",  # training time is measured, so workers need normal priority
    "RAY_enable_worker_prestart": "0",  # trials never use prestarted workers, and each takes a second to start
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # results are stored in the journal
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "30",  # how long a reused actor waits until a stopped trial has ended
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # rarely: a run is not resumed from Tune's state
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    # By default, glibc returns large blocks to the kernel after each batch. Using them again then
    # costs a page fault for each page.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "33554432",  # the largest value that glibc accepts
    "MALLOC_TRIM_THRESHOLD_": "268435456",
}


@contextlib.contextmanager
def ray_environment() -> Iterator[None]:
    """Set the variables for Ray, and restore the whole environment when the block ends.

    Ray sets further variables itself. They are removed too.
    """
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT | before)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def keep_slots_full(slots: int) -> None:
    """Set the number of pending trials to the number of slots. Call it inside `ray_environment`.

    With fewer pending trials, Tune reuses the actor of a short trial before the other slots have an
    actor, and those slots stay empty. With many more, the order of the trials is fixed too early.
    """
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(slots)
