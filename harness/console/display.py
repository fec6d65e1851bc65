"""What the command prints: the plan, the progress, the list of architectures."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from architectures import InputShape, Registry
from harness.console.progress import LiveProgress, PlainProgress, counted, duration
from harness.records.trial import TrialSpec
from harness.schedule.observer import Observer
from harness.schedule.plan import plan_search
from harness.schedule.supply import Supply
from harness.study import Study


def print_plan(console: Console, study: Study, folder: Path, kept: int | None) -> None:
    """Print what will be run.

    Args:
        console: to print to.
        study: what is asked.
        folder: where results go.
        kept: trials of an earlier part of the run; None in a new run.
    """
    console.print(plan_table(study, plan_search(study, "not loaded yet")))
    before = f", {kept} trials kept from before" if kept is not None else ""
    console.print(f"results go to {folder}{before}", markup=False)


def print_results(console: Console, folder: Path) -> None:
    """Print the accuracy table of a finished run."""
    console.print(results_table(json.loads((folder / "results.json").read_text(encoding="utf-8"))))


class ConsoleDisplay:
    """A live table where the output is a terminal, plain lines where it is not."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = time.monotonic()

    def stage(self, what: str) -> None:
        """A line with the time since the command began to run."""
        self._console.print(f"[{duration(time.monotonic() - self._begun)}] {what}", markup=False)

    @contextlib.contextmanager
    def trials(self, study: Study, supply: Supply, slots: int) -> Iterator[Observer]:
        """Shows trials; the last state of the table stays on the screen."""
        self.stage(f"starting workers: {counted(slots, 'trial')} at a time")
        console = self._console
        if not console.is_terminal:
            plain = PlainProgress(
                study, supply, slots, write=lambda line: console.print(line, markup=False), begun=self._begun
            )
            with plain.heard_from():
                yield plain
            return
        progress = LiveProgress(study, supply, slots, begun=self._begun)
        try:
            with progress.show(console):
                yield progress
        finally:
            console.print(progress.table())


def results_table(results: Mapping[str, Any]) -> Table:
    """Test accuracies as the report gives them, from `results.json`."""
    table = Table(title="Test accuracy, mean over seeds")
    table.add_column("architecture")
    for column in ("mean", "std", "95 % interval", "seeds"):
        table.add_column(column, justify="right")
    for entry in results["architectures"]:
        confirm = entry["confirm"]
        mean, std, interval = (
            confirm[key] for key in ("test_accuracy_mean", "test_accuracy_std", "test_accuracy_ci95")
        )
        completed = sum(1 for seed in confirm["seeds"] if seed["test_accuracy"] is not None)
        table.add_row(
            entry["name"],
            "no result" if mean is None else f"{mean:.2%}",
            "" if std is None else f"{100 * std:.2f}",
            "" if interval is None else f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f}",
            str(completed),
        )
    return table


def plan_table(study: Study, search: Sequence[TrialSpec]) -> Table:
    """Trials of each architecture, and epochs if early stopping stopped none; the audit takes any architecture's."""
    table = Table(title=f"Plan of study {study.name}")
    table.add_column("architecture")
    for column in ("search trials", "confirm trials", "epochs at most"):
        table.add_column(column, justify="right")
    default_seeds = min(study.confirm.default_seeds, study.confirm.seeds)
    total = [0, 0, 0, 0]
    for name in study.architectures:
        specs = [spec for spec in search if spec.architecture == name]
        # Which configuration is confirmed is not known yet: the longest bounds it; if it is the default, it is
        # not confirmed twice.
        longest = max(spec.epochs for spec in specs)
        confirm_epochs = study.confirm.seeds * longest + default_seeds * specs[0].epochs
        fewest, most = study.confirm.seeds, study.confirm.seeds + default_seeds
        row = [len(specs), fewest, most, sum(spec.epochs for spec in specs) + confirm_epochs]
        table.add_row(name, str(row[0]), span(fewest, most), str(row[3]))
        total = [a + b for a, b in zip(total, row, strict=True)]
    if study.audit.trials:
        epochs = study.audit.trials * max(spec.epochs for spec in search)
        table.add_section()
        table.add_row("audit", f"up to {study.audit.trials} again", "", str(epochs))
        total[3] += epochs
    table.add_section()
    table.add_row("all", str(total[0]), span(total[1], total[2]), str(total[3]))
    return table


def span(fewest: int, most: int) -> str:
    """A number that is known, or the two that it lies between.

    >>> span(5, 5), span(5, 7)
    ('5', '5 to 7')
    """
    return str(most) if fewest == most else f"{fewest} to {most}"


def architecture_table(registry: Registry, shape: InputShape, classes: int) -> Table:
    """Every architecture with the size of its default configuration; imports torch to count."""
    from harness.training.model import summarise_default

    table = Table(title=f"Architectures ({shape.channels}x{shape.height}x{shape.width}, {classes} classes)")
    table.add_column("name")
    table.add_column("parameters", justify="right")
    table.add_column("multiply-adds", justify="right")
    table.add_column("what it is")
    for architecture in registry.values():
        try:
            summary = summarise_default(architecture, shape, classes)
            sizes = (f"{summary.parameters:,}", f"{summary.macs:,}")
        except (Exception, SystemExit):  # noqa: BLE001  # a user's architecture may take no images of this shape
            sizes = ("?", "?")
        table.add_row(architecture.name, *sizes, architecture.summary)
    return table
