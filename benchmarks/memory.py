"""Resident memory of a worker beyond that of importing torch, for every architecture of the default study.

    python -m benchmarks.memory

Each architecture trains one epoch in a process of its own with the environment of a worker. The arrays of the data set
are mapped from files, as a worker maps them from the object store: their pages are shared by all workers of a node, and
are counted here all the same.
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
    """The most memory that this process ever had resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def save(split: Split, folder: Path, name: str) -> None:
    """A split as two files that can be mapped."""
    np.save(folder / f"{name}-images.npy", split.images)
    np.save(folder / f"{name}-labels.npy", split.labels)


def mapped(folder: Path, name: str) -> Split:
    """The same split, of which nothing is read before it is used."""
    images, labels = (np.load(folder / f"{name}-{part}.npy", mmap_mode="r") for part in ("images", "labels"))
    return Split(images, labels)


def train_once(architecture: str, empty: TrainingData, folder: Path) -> dict[str, Any]:
    """Import torch, train one epoch, and say what was resident when."""
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
    """Measure, and write `results/memory.md` and `.json`."""
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
