"""Epochs that early stopping saves on the MLP grid, and the accuracy that it costs.

    python -m benchmarks.search

For each of three study seeds, `harness.run` trains the grid of the default study in full, and once
more with early stopping. Both runs confirm their selected configuration. The learning curves of the
full grids are then replayed with other rungs, without training. They are also replayed with the
variant of asynchronous successive halving that pauses trials at a rung and later resumes the
promoted ones (Li et al. 2020, algorithm 2). The harness stops the others instead.
"""

from __future__ import annotations

import heapq
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Annotated, Any

import typer

from benchmarks.measurement import write_results
from harness.orchestration.scheduler import METRIC, TIME, build_asha
from harness.records.trial import Phase, Status, TrialRecord
from harness.runs.journal import read_journal
from harness.study import EarlyStopping

SEEDS = (0, 100, 200)  # far enough apart that no two studies share a confirm seed
EPOCHS = 9
ORDERS = 50  # random orders of the trials for each seed
WORKERS = 2
RUNGS = ((1, 3), (1, 4), (2, 3), (3, 3))  # grace epochs, reduction factor

Policy = Callable[[Sequence[TrialRecord], int, int], tuple[int, list[TrialRecord]]]
"""Replays early stopping on known learning curves.

The arguments are the trials in the order in which they start, the grace epochs and the reduction
factor. The results are the number of trained epochs, and the trials that reached their last epoch.
"""


def run(seed: int, folder: Path, confirm: int, *settings: str) -> tuple[TrialRecord, ...]:
    """Run the MLP of the default study with the command `harness.run`."""
    changes = [f"seed={seed}", f"confirm.seeds={confirm}", "confirm.default_seeds=0", "audit.trials=0", *settings]
    command = [sys.executable, "-m", "harness.run", "--architectures", "mlp", "--output", str(folder)]
    command += [part for change in changes for part in ("--set", change)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return read_journal(folder / "journal.jsonl")


def last_accuracy(record: TrialRecord) -> float:
    """Return the validation accuracy after the last epoch."""
    return record.epochs[-1].validation_accuracy


def searched(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the search trials in the order in which they started."""
    return sorted((r for r in records if r.spec.phase is Phase.SEARCH), key=lambda record: record.started_at)


def confirmed(records: Sequence[TrialRecord]) -> float:
    """Return the mean test accuracy of the confirm trials."""
    return statistics.mean(record.test.accuracy for record in records if record.test is not None)


def best(records: Sequence[TrialRecord]) -> TrialRecord:
    """Return the trial that would be selected."""
    return max((r for r in records if r.status is Status.COMPLETED), key=last_accuracy)


def stopping(trials: Sequence[TrialRecord], grace: int, factor: int) -> tuple[int, list[TrialRecord]]:
    """Replay Ray's ASHA as the harness uses it: stop a trial below the cutoff of its rung."""
    asha = build_asha(EarlyStopping(grace_epochs=grace, reduction_factor=factor), EPOCHS)
    nobody: Any = None
    waiting, running, trained, completed = list(trials), [], 0, []

    def begin(worker: int, now: float) -> None:
        if waiting:
            record = waiting.pop(0)
            asha.on_trial_add(nobody, SimpleNamespace(trial_id=record.trial_id))
            heapq.heappush(running, (now + record.epochs[0].train_seconds, worker, 0, record.trial_id, record))

    for worker in range(WORKERS):
        begin(worker, 0.0)
    while running:
        now, worker, index, trial_id, record = heapq.heappop(running)
        trained += 1
        epoch = record.epochs[index]
        result = {TIME: epoch.epoch, METRIC: epoch.validation_accuracy}
        decision = asha.on_trial_result(nobody, SimpleNamespace(trial_id=trial_id), result)
        if index + 1 == len(record.epochs):
            completed.append(record)
            begin(worker, now)
        elif decision == asha.STOP:
            begin(worker, now)
        else:
            later = now + record.epochs[index + 1].train_seconds
            heapq.heappush(running, (later, worker, index + 1, trial_id, record))
    return trained, completed


class Rungs:
    """Asynchronous successive halving that pauses and resumes trials (Li et al. 2020, algorithm 2).

    Args:
        trials: Trials in the order in which they start.
        grace: Epoch of the first rung.
        factor: Reduction factor: one in this number of trials is promoted.
    """

    def __init__(self, trials: Sequence[TrialRecord], grace: int, factor: int) -> None:
        self.epochs = [grace]
        while self.epochs[-1] * factor < EPOCHS:
            self.epochs.append(self.epochs[-1] * factor)
        self.epochs.append(EPOCHS)
        self._factor = factor
        self._by_id = {record.trial_id: record for record in trials}
        self._waiting = list(trials)
        self._reached: list[dict[str, float]] = [{} for _ in self.epochs]
        self._promoted: list[set[str]] = [set() for _ in self.epochs]

    def next(self) -> tuple[TrialRecord, int] | None:
        """Return the next trial and its target rung: the highest promotion, or a new trial."""
        for level in reversed(range(len(self.epochs) - 1)):
            ranked = sorted(self._reached[level], key=lambda trial_id: -self._reached[level][trial_id])
            for trial_id in ranked[: len(ranked) // self._factor]:
                if trial_id not in self._promoted[level]:
                    self._promoted[level].add(trial_id)
                    return self._by_id[trial_id], level + 1
        return (self._waiting.pop(0), 0) if self._waiting else None

    def reached(self, record: TrialRecord, level: int) -> None:
        """Record that a trial has paused at a rung."""
        self._reached[level][record.trial_id] = record.epochs[self.epochs[level] - 1].validation_accuracy


def resuming(trials: Sequence[TrialRecord], grace: int, factor: int) -> tuple[int, list[TrialRecord]]:
    """Replay trials that pause at every rung.

    A free worker resumes a promoted trial, or starts a new one if there is none.
    """
    rungs = Rungs(trials, grace, factor)
    running, idle, trained, completed = [], list(range(WORKERS)), 0, []
    now = 0.0
    while True:
        while idle and (found := rungs.next()) is not None:
            record, level = found
            epochs = record.epochs[rungs.epochs[level - 1] if level else 0 : rungs.epochs[level]]
            trained += len(epochs)
            later = now + sum(epoch.train_seconds for epoch in epochs)
            heapq.heappush(running, (later, idle.pop(0), level, record.trial_id, record))
        if not running:
            return trained, completed
        now, worker, level, _, record = heapq.heappop(running)
        rungs.reached(record, level)
        idle.append(worker)
        if level == len(rungs.epochs) - 1:
            completed.append(record)


def compare(grids: Sequence[list[TrialRecord]], policy: Policy, grace: int, factor: int) -> dict[str, Any]:
    """Compute epochs and lost accuracy of a policy, in the harness's order and in random orders."""
    own: list[tuple[float, float]] = []
    other: list[tuple[float, float]] = []
    for grid in grids:
        whole, top = sum(len(record.epochs) for record in grid), last_accuracy(best(grid))
        orders = [grid]
        for order in range(ORDERS):
            orders.append(list(grid))
            Random(order).shuffle(orders[-1])
        for trials in orders:
            trained, completed = policy(trials, grace, factor)
            found = max((last_accuracy(record) for record in completed), default=0.0)
            (own if trials is grid else other).append((100 * trained / whole, 100 * (top - found)))
    return {
        "policy": policy.__name__,
        "grace epochs": grace,
        "reduction factor": factor,
        "epochs (%)": round(statistics.mean(share for share, _ in own), 1),
        "points lost": round(statistics.mean(lost for _, lost in own), 3),
        "epochs, random order (%)": round(statistics.mean(share for share, _ in other), 1),
        "points lost, random order": round(statistics.mean(lost for _, lost in other), 3),
    }


def main(confirm: Annotated[int, typer.Option(help="Number of seeds in each confirm phase.")] = 3) -> None:
    """Run and replay the studies of every seed, and write `results/search.md` and `.json`."""
    rows, grids, raw = [], [], []
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as scratch:
            full = run(seed, Path(scratch) / "full", confirm, f"early_stopping.grace_epochs={EPOCHS}")
            stopped = run(seed, Path(scratch) / "stopped", confirm)
        grid, search = searched(full), searched(stopped)
        grids.append(grid)
        whole, trained = (sum(len(record.epochs) for record in records) for records in (grid, search))
        rows.append(
            {
                "study seed": seed,
                "epochs, full grid": whole,
                "epochs, early stopping": trained,
                "share (%)": round(100 * trained / whole, 1),
                "validation, full (%)": round(100 * last_accuracy(best(grid)), 2),
                "validation, early stopping (%)": round(100 * last_accuracy(best(search)), 2),
                "test, full (%)": round(100 * confirmed(full), 3),
                "test, early stopping (%)": round(100 * confirmed(stopped), 3),
                "difference (points)": round(100 * (confirmed(stopped) - confirmed(full)), 3),
            }
        )
        raw.append([record.model_dump(mode="json", exclude={"model", "placement"}) for record in grid])
    differences = [row["difference (points)"] for row in rows]
    rows.append(
        {
            "study seed": "mean",
            "share (%)": round(statistics.mean(row["share (%)"] for row in rows), 1),
            "difference (points)": round(statistics.mean(differences), 3),
        }
    )
    replayed = [compare(grids, policy, *rungs) for rungs in RUNGS for policy in (stopping, resuming)]
    sections = {
        f"The full grid and the default study's early stopping, {confirm} confirm seeds": rows,
        f"Replayed on the curves of the full grids: epochs, and validation points lost ({WORKERS} workers)": replayed,
    }
    write_results("search", sections, {"curves": raw})


if __name__ == "__main__":
    typer.run(main)
