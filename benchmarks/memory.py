"""Resident memory that a worker needs in addition to importing torch, for each architecture.

    python -m benchmarks.memory

Each architecture trains one epoch in its own process, with the environment variables of a worker.
The arrays of the data set are mapped from files, as a worker maps them from the object store. All
workers of a node share these pages, but the pages are included in the numbers here.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from architectures import BUILT_IN
from benchmarks.measurement import write_results
from harness.data.dataset import SealedTest, Split, TrainingData
from harness.records.trial import Phase, TrialSpec

MEBIBYTE = 2**20


def peak_mib() -> float:
    """Return the peak of the resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def save(split: Split, folder: Path, name: str) -> None:
    """Save a split as two files that can be memory-mapped."""
    np.save(folder / f"{name}-images.npy", split.images)
    np.save(folder / f"{name}-labels.npy", split.labels)


def mapped(folder: Path, name: str) -> Split:
    """Load a split as memory-mapped arrays, which are read only when they are used."""
    images, labels = (np.load(folder / f"{name}-{part}.npy", mmap_mode="r") for part in ("images", "labels"))
    return Split(images, labels)


def train_once(architecture: str, empty: TrainingData, folder: Path) -> dict[str, Any]:
    """Import torch, train one epoch, and return the resident memory after each."""
    import torch

    imported = psutil.Process().memory_info().rss / MEBIBYTE
    torch.set_num_threads(1)

    from harness.training import resolve_settings
    from harness.training.execution import run_trial

    data = replace(empty, train=mapped(folder, "train"), validation=mapped(folder, "validation"))
    test = SealedTest(mapped(folder, "test"))
    hyperparameters = BUILT_IN[architecture].hyperparameters(epochs=1).model_dump(mode="json")
    spec = TrialSpec(
        phase=Phase.CONFIRM,
        architecture=architecture,
        hyperparameters=hyperparameters,
        seed=1,
        dataset=data.fingerprint,
    )
    messages = list(run_trial(spec, data, lambda: test, resolve_settings("cpu", 1, "auto")))
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
    """Measure every architecture, and write `results/memory.md` and `.json`."""
    from harness.data import load_dataset
    from harness.orchestration.ray_environment import ENVIRONMENT
    from harness.study import DatasetStudy

    os.environ.update(ENVIRONMENT)
    loaded = load_dataset(DatasetStudy(), None)
    training, test = loaded.training, loaded.test.open(Phase.CONFIRM)
    nothing = training.train.select(np.arange(0))
    empty = replace(training, train=nothing, validation=nothing)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, split in (("train", training.train), ("validation", training.validation), ("test", test)):
            save(split, folder, name)
        for architecture in BUILT_IN:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as worker:
                rows.append(worker.submit(train_once, architecture, empty, folder).result())
    write_results("memory", {"Resident memory of a worker, one confirm trial of one epoch": rows}, {})


if __name__ == "__main__":
    main()
