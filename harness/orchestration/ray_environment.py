"""What Ray reads from the environment, all in one place; nothing here imports Ray."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

# Whoever sets one of them outside keeps it.
ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",  # the old output engine can be silent
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # workers need the environment of the driver, not a copy of it
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_worker_niceness": "0",  # seconds are measured: a trial must not lose its core to whatever else runs
    "RAY_enable_worker_prestart": "0",  # trials never run in prestarted workers; each costs a second to start
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the journal is the log
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "30",  # how long a reused actor waits for a stopped trial to unwind
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # Tune's own state is not relied on
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    # glibc gives large blocks back to the kernel after each batch, and every page costs a fault when it returns
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "33554432",  # glibc accepts no more
    "MALLOC_TRIM_THRESHOLD_": "268435456",
}


@contextlib.contextmanager
def ray_environment() -> Iterator[None]:
    """Ray's settings in the environment, which is as it was afterwards; Ray sets variables of its own too."""
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT | before)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def keep_slots_full(slots: int) -> None:
    """Have as many trials wait for a place as there are places; inside of `ray_environment`.

    With fewer waiting, Tune hands a short trial's actor on before the other slots have one, and they stay empty;
    with many more, the supply decides too early what comes next.
    """
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(slots)
