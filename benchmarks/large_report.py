"""Time and memory of the report of a made-up run with 10,000 trials and 100,000 epochs.

    python benchmarks/large_report.py

Prints seconds and the peak of resident memory of a process that does nothing but write the report.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from harness.journal import read_journal
from harness.plan import plan_confirm, plan_search
from harness.run_folder import RunFolder, write_arrays, write_json, write_text
from harness.selection import select
from harness.study import parse_study, study_yaml
from harness.trial import EpochResult, Phase, Status, TestResult, TrialRecord, TrialSpec

EPOCHS = 20
TRIALS = 10_000
TEST_IMAGES = 10_000
STUDY = {
    "name": "large",
    "confirm": {"seeds": 5},
    "architectures": {
        name: {
            "samples": TRIALS // 5,
            "space": {
                "epochs": EPOCHS,
                "learning_rate": {"loguniform": [1.0e-5, 0.1]},
                "weight_decay": {"loguniform": [1.0e-5, 0.1]},
            },
        }
        for name in ("simple_cnn", "advanced_cnn", "lenet5", "advanced_mlp", "mlp")
    },
}


def epoch_results(error: float, epochs: int) -> tuple[EpochResult, ...]:
    """A learning curve that falls to the error."""
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
    """A trial that ended after so many epochs."""
    return TrialRecord(
        trial_id=spec.trial_id,
        spec=spec,
        status=Status.COMPLETED if epochs == EPOCHS else Status.STOPPED_EARLY,
        epochs=epoch_results(error, epochs),
        started_at=1.76e9,
        ended_at=1.76e9 + 5.5 * epochs,
    )


def write_run(path: Path) -> None:
    """Everything that a run leaves for its report."""
    folder = RunFolder.create(path)
    study = parse_study(STUDY, "large")
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
    """What ran where, if anything had run."""
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


def main() -> None:
    """Write the run, then measure the report in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        write_run(run)
        records = read_journal(run / "journal.jsonl")
        searched = [record for record in records if record.spec.phase is Phase.SEARCH]
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "harness.report", str(run)], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        measured = {
            "trials": len(searched),
            "epochs": sum(len(record.epochs) for record in records),
            "seconds": round(seconds, 1),
            "peak_gib": round(peak, 2),
        }
        sys.stdout.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main()
