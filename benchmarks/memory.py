"""Resident memory of a worker beyond that of importing torch, for every architecture of the default study.

    python -m benchmarks.memory

Each architecture trains one epoch in a process of its own with the environment of a worker. The data set is mapped, as
from the object store, and its pages are shared by all workers of a node; they are counted here all the same.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import psutil

from architectures import ARCHITECTURES
from benchmarks.measurement import write_results

MEBIBYTE = 2**20


def peak_mib() -> float:
    """The most memory that this process ever had resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def train_once(architecture: str) -> dict[str, Any]:
    """Import torch, train one epoch, and say what was resident when."""
    import torch

    imported = psutil.Process().memory_info().rss / MEBIBYTE
    torch.set_num_threads(1)

    from harness.data import load_dataset
    from harness.execution import run_trial
    from harness.study import DatasetStudy
    from harness.training import resolve_settings
    from harness.trial import Phase, TrialSpec

    loaded = load_dataset(DatasetStudy(), None)
    data = loaded.training
    hyperparameters = ARCHITECTURES[architecture].hyperparameters(epochs=1).model_dump(mode="json")
    spec = TrialSpec(
        phase=Phase.CONFIRM,
        architecture=architecture,
        hyperparameters=hyperparameters,
        seed=1,
        dataset=data.fingerprint,
    )
    messages = list(run_trial(spec, data, lambda: loaded.test, resolve_settings("cpu", 1, "auto")))
    failures = [message.failure for message in messages if message.failure]
    if failures:
        raise SystemExit(f"{architecture}: {failures[0]}")
    data_mib = sum(split.images.nbytes for split in (data.train, data.validation)) / MEBIBYTE
    return {
        "architecture": architecture,
        "after importing torch (MiB)": round(imported),
        "peak beyond that (MiB)": round(peak_mib() - imported),
        "of which the data set (MiB)": round(data_mib),
    }


def main() -> None:
    """Measure, and write `results/memory.md` and `.json`."""
    from harness.orchestration.cluster import ENVIRONMENT

    os.environ.update(ENVIRONMENT)
    rows = []
    for architecture in ARCHITECTURES:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as worker:
            rows.append(worker.submit(train_once, architecture).result())
    write_results("memory", {"Resident memory of a worker, one confirm trial of one epoch": rows}, {})


if __name__ == "__main__":
    main()
