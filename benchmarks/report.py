"""Time and memory to write the report of synthetic runs with 1,000 and 10,000 trials.

    python -m benchmarks.report

A trial has ten epochs on average. Time and peak resident memory are measured for a process that
only writes the report. Ten times as many trials must take at most ten times as long, so no step may
have quadratic cost.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import typer

from benchmarks.measurement import write_results
from harness.records.trial import EpochResult, Phase, Status, TestResult, TrialRecord, TrialSpec
from harness.runs.files import write_arrays, write_json, write_text
from harness.runs.journal import read_journal
from harness.runs.paths import RunFolder
from harness.schedule.plan import plan_confirm, plan_search
from harness.schedule.selection import select
from harness.study import parse_study, study_yaml

EPOCHS = 20
TRIALS = (1_000, 10_000)
TEST_IMAGES = 10_000


def study_of(trials: int) -> dict[str, Any]:
    """Return a study with this number of search trials."""
    space = {
        "epochs": EPOCHS,
        "learning_rate": {"loguniform": [1.0e-5, 0.1]},
        "weight_decay": {"loguniform": [1.0e-5, 0.1]},
    }
    names = ("simple_cnn", "advanced_cnn", "lenet5", "advanced_mlp", "mlp")
    return {
        "name": "large",
        "confirm": {"seeds": 5},
        "architectures": {name: {"samples": trials // 5, "space": space} for name in names},
    }


def epoch_results(error: float, epochs: int) -> tuple[EpochResult, ...]:
    """Return a learning curve that falls to this error."""
    return tuple(
        EpochResult(
            epoch=epoch,
            train_loss=error * EPOCHS / epoch,
            validation_loss=error * EPOCHS / epoch,
            validation_accuracy=max(0.0, 1 - error * EPOCHS / epoch),
            train_images=55_000,
            train_seconds=5.0,
            validation_seconds=0.2,
        )
        for epoch in range(1, epochs + 1)
    )


def record_of(spec: TrialSpec, error: float, epochs: int) -> TrialRecord:
    """Return the record of a trial that ended after this number of epochs."""
    return TrialRecord(
        trial_id=spec.trial_id,
        spec=spec,
        status=Status.COMPLETED if epochs == EPOCHS else Status.STOPPED_EARLY,
        epochs=epoch_results(error, epochs),
        started_at=1.76e9,
        ended_at=1.76e9 + 5.5 * epochs,
    )


def write_run(path: Path, trials: int) -> None:
    """Write all files of a run that its report needs."""
    folder = RunFolder.create(path)
    study = parse_study(study_of(trials), "large")
    generator = np.random.default_rng(0)
    search = [
        record_of(spec, 0.005 + 0.02 * generator.random(), int(generator.choice([1, 6, 20], p=[0.38, 0.2, 0.42])))
        for spec in plan_search(study, "made up")
    ]
    confirm = []
    labels = generator.integers(0, 10, TEST_IMAGES)
    for name in study.architectures:
        winner = select(search, name)
        for spec in plan_confirm(study, winner) if winner else ():
            predicted = np.where(generator.random(TEST_IMAGES) < 0.01, (labels + 1) % 10, labels)
            probabilities = np.full((TEST_IMAGES, 10), 0.01, dtype=np.float32)
            probabilities[np.arange(TEST_IMAGES), predicted] = 0.91
            write_arrays(folder.predictions(name, spec.seed), labels=labels, probabilities=probabilities)
            accuracy = float(np.mean(predicted == labels))
            test = TestResult(accuracy=accuracy, loss=0.03, images=TEST_IMAGES)
            confirm.append(record_of(spec, 0.005, EPOCHS).model_copy(update={"test": test}))
    write_text(folder.study, study_yaml(study))
    write_text(folder.journal, "".join(record.model_dump_json() + "\n" for record in [*search, *confirm]))
    write_json(folder.environment, environment())


def environment() -> dict[str, object]:
    """Return the content of `environment.json`."""
    dataset = {"name": "made up", "source": "nowhere", "fingerprint": "made up", "train": 55_000, "validation": 5_000}
    return {
        "command": "nobody ran this",
        "started_at": "2026-01-01T00:00:00+00:00",
        "versions": {},
        "hardware": {"cpu": "none", "cores": 2, "memory_gib": 16.0, "system": "none"},
        "slots": 2,
        "dataset": dataset | {"test": TEST_IMAGES, "classes": list("0123456789")},
        "timeline": {"command_started": 1.76e9 - 10, "first_step": 1.76e9, "last_trial_ended": 1.76e9 + 30_000},
    }


def measure(run: Path) -> dict[str, float]:
    """Measure the seconds and the peak of resident memory in GiB to write a report."""
    started = time.perf_counter()
    process = psutil.Popen([sys.executable, "-m", "harness.report", str(run)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"harness.report failed with exit code {os.waitstatus_to_exitcode(status)}")
    return {"seconds": time.perf_counter() - started, "peak (GiB)": used.ru_maxrss / 2**20}


def main(rounds: Annotated[int, typer.Option(help="Number of rounds.")] = 3) -> None:
    """Make both runs, measure their reports in turn, and write `results/report.md` and `.json`."""
    raw: dict[int, list[dict[str, float]]] = {trials: [] for trials in TRIALS}
    facts: dict[int, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        runs = {trials: Path(scratch) / str(trials) for trials in TRIALS}
        for trials, run in runs.items():
            write_run(run, trials)
            records = read_journal(run / "journal.jsonl")
            searched = [record for record in records if record.spec.phase is Phase.SEARCH]
            facts[trials] = {"trials": len(searched), "epochs": sum(len(record.epochs) for record in records)}
        for _ in range(rounds):
            for trials, run in runs.items():
                raw[trials].append(measure(run))
    rows = [
        facts[trials] | {clock: round(statistics.median(one[clock] for one in taken), 2) for clock in taken[0]}
        for trials, taken in raw.items()
    ]
    write_results("report", {"The report of a synthetic run": rows}, {"rounds": list(raw.values())})


if __name__ == "__main__":
    typer.run(main)
