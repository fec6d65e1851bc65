"""Overhead of a trial: 200 trivial trials, the start-up time, and the use of time in a run.

    python -m benchmarks.orchestration
    python -m benchmarks.orchestration --accounting reports/reference

A trivial trial trains a perceptron with four units on scikit-learn's digits, for one epoch of a few
milliseconds. The start-up time is measured with a short study on MNIST, until its first training
step.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.measurement import write_results
from harness.records.trial import Phase
from harness.report.sections.time import time_table, time_use
from harness.runs.journal import read_journal
from harness.runs.reading import read_run_folder
from harness.study.yaml_text import write_yaml

TRIALS = 200
TRIVIAL = {
    "name": "trivial",
    "dataset": {"name": "digits", "validation_size": 200},
    "confirm": {"seeds": 1},
    "architectures": {
        "mlp": {
            "samples": TRIALS,
            "space": {
                "epochs": 1,
                "hidden_layers": 1,
                "units": 4,
                "batch_size": 1024,
                "augmentation": "none",
                "learning_rate": {"loguniform": [0.0001, 0.1]},
            },
        }
    },
}
FIRST_STEP = {
    "name": "first-step",
    "confirm": {"seeds": 1},
    "architectures": {"mlp": {"samples": 2, "space": {"epochs": 1, "learning_rate": {"uniform": [0.001, 0.002]}}}},
}


def run(study: dict[str, Any], folder: Path) -> Path:
    """Run a study with the command `harness.run`, and return the run folder."""
    config = folder / "study.yaml"
    config.write_text(write_yaml(study), encoding="utf-8")
    output = folder / "run"
    command = [sys.executable, "-m", "harness.run", "--all", "--config", str(config), "--output", str(output)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return output


def measure_trivial(folder: Path) -> dict[str, float]:
    """Measure the time per trivial trial, after all workers have started."""
    records = [r for r in read_journal(run(TRIVIAL, folder) / "journal.jsonl") if r.spec.phase is Phase.SEARCH]
    ends = sorted(record.ended_at for record in records)
    # Workers start during the first few trials, so these belong to the start-up and are excluded.
    first = len(ends) // 10
    return {"milliseconds a trial": 1000 * (ends[-1] - ends[first]) / (len(ends) - 1 - first)}


def measure_start_up(folder: Path) -> dict[str, float]:
    """Measure the seconds from the command to the first training step on MNIST."""
    timeline = json.loads((run(FIRST_STEP, folder) / "environment.json").read_text(encoding="utf-8"))["timeline"]
    return {"start-up (s)": timeline["first_step"] - timeline["command_started"]}


def accounting(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of the report's table on the use of time."""
    finished = read_run_folder(folder)
    use = time_use(finished.records, finished.environment.timeline, finished.environment.slots)
    if use is None:
        raise SystemExit(f"{folder}: no trial of this run has started; give the folder of a completed run")
    rows: list[dict[str, Any]] = time_table(use).frame.to_dict("records")
    return rows


def main(
    rounds: Annotated[int, typer.Option(help="Number of rounds.")] = 5,
    accounted: Annotated[
        Path, typer.Option("--accounting", help="Run folder for the table on the use of time.")
    ] = Path("reports/reference"),
) -> None:
    """Measure the overhead, and write `results/orchestration.md` and `.json`."""
    raw: list[dict[str, float]] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            raw.append(measure_trivial(Path(first)) | measure_start_up(Path(second)))
    rows = [
        {
            "measured": name,
            "median": round(statistics.median(one[name] for one in raw), 1),
            "lowest": round(min(one[name] for one in raw), 1),
            "highest": round(max(one[name] for one in raw), 1),
        }
        for name in raw[0]
    ]
    sections = {f"{TRIALS} trivial trials, and start-up": rows, f"Accounting of {accounted}": accounting(accounted)}
    write_results("orchestration", sections, {"rounds": raw})


if __name__ == "__main__":
    typer.run(main)
