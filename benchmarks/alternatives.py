"""Comparison of a search by the harness, by the example of Ray Tune, and by Optuna.

    pip install -e '.[benchmarks]'
    python -m benchmarks.alternatives

Each program searches the same 30 configurations of lenet5 on the same split. A trial has at most 8
epochs. All programs use asynchronous successive halving with the same rungs, and run two trials at
a time with one thread each. Two times are measured from the start of the command: until the last
trial of the search has ended, and until a validation accuracy of 98.5 % is first reached.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import search_job
from benchmarks.measurement import write_results
from harness.study.yaml_text import write_yaml

GOAL = 0.985


def harness(folder: Path) -> dict[str, Any]:
    """Measure `python -m harness.run`, without the confirm trial that follows the search."""
    from harness.records.trial import Phase
    from harness.runs.journal import read_journal

    study = folder / "study.yaml"
    study.write_text(write_yaml(search_job.STUDY), encoding="utf-8")
    run = folder / "run"
    command = [sys.executable, "-m", "harness.run", "--all", "--config", str(study), "--output", str(run)]
    began = time.time()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    search = [record for record in read_journal(run / "journal.jsonl") if record.spec.phase is Phase.SEARCH]
    seen = []
    for record in search:
        at = record.started_at
        for epoch in record.epochs:
            at += epoch.train_seconds + epoch.validation_seconds
            seen.append((at - began, epoch.validation_accuracy))
    return summary(seen, max(record.ended_at for record in search) - began)


def alternative(module: str, folder: Path) -> dict[str, Any]:
    """Measure another program, which records the time of every accuracy."""
    began = time.time()
    log = (folder / "log.txt").open("w", encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([sys.executable, "-m", module, str(folder)], check=True, stdout=log, stderr=log, env=environment)
    seconds = time.time() - began
    lines = (folder / "seen.jsonl").read_text(encoding="utf-8").splitlines()
    return summary([(entry["at"] - began, entry["accuracy"]) for entry in map(json.loads, lines)], seconds)


def summary(seen: list[tuple[float, float]], seconds: float) -> dict[str, Any]:
    """Return the values to compare."""
    return {
        "seconds": seconds,
        "seconds to goal": min((at for at, accuracy in seen if accuracy >= GOAL), default=None),
        "epochs": len(seen),
        "best validation accuracy": max(accuracy for _, accuracy in seen),
    }


CONTENDERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "the harness": harness,
    "Ray Tune's mnist_pytorch example": lambda folder: alternative("benchmarks.ray_example", folder),
    "Optuna, successive halving, two processes": lambda folder: alternative("benchmarks.optuna_example", folder),
}


def median_of(rounds: list[dict[str, Any]], clock: str) -> float | None:
    """Return the median over the rounds; None if a round did not reach the goal."""
    values = [one[clock] for one in rounds]
    return None if None in values else statistics.median(values)


def main(rounds: Annotated[int, typer.Option(help="Number of rounds; one takes about 30 minutes.")] = 1) -> None:
    """Run the programs in turn, and write `results/alternatives.md` and `.json`."""
    raw: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, contender in CONTENDERS.items():
            with tempfile.TemporaryDirectory() as scratch:
                raw[name].append(contender(Path(scratch)))
    ours = raw["the harness"]
    rows = []
    for name, results in raw.items():
        row: dict[str, Any] = {"contender": name}
        for clock, title in (("seconds", "until all is done (s)"), ("seconds to goal", "until 98.5 % (s)")):
            theirs, own = median_of(results, clock), median_of(ours, clock)
            row[title] = None if theirs is None else round(theirs)
            row[f"ratio {title.removesuffix(' (s)')}"] = (
                None if theirs is None or own is None else round(theirs / own, 2)
            )
        row["epochs"] = statistics.median(one["epochs"] for one in results)
        row["best validation (%)"] = round(100 * max(one["best validation accuracy"] for one in results), 2)
        rows.append(row)
    write_results("alternatives", {"The same search by each contender": rows}, raw)


if __name__ == "__main__":
    typer.run(main)
