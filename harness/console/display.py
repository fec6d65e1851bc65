"""Output of the main command: the plan, the progress, the results and the list of architectures."""

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
    """Print the plan of a run.

    Args:
        console: Console to print to.
        study: The study.
        folder: Run folder.
        kept: Number of finished trials of a resumed run; None in a new run.
    """
    console.print(plan_table(study, plan_search(study, "not loaded yet")))
    before = f", {counted(kept, 'trial')} already finished" if kept is not None else ""
    console.print(f"run folder: {folder}{before}", markup=False)


def print_results(console: Console, folder: Path) -> None:
    """Print the accuracy table of a finished run."""
    console.print(results_table(json.loads((folder / "results.json").read_text(encoding="utf-8"))))


class ConsoleDisplay:
    """Display of a run: a live table in a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = time.monotonic()

    def stage(self, what: str) -> None:
        """Print a line with the stage and the time since the start."""
        self._console.print(f"[{duration(time.monotonic() - self._begun)}] {what}", markup=False)

    @contextlib.contextmanager
    def trials(self, study: Study, supply: Supply, slots: int) -> Iterator[Observer]:
        """Show the progress of trials. The last state of the table stays on the screen."""
        self.stage(f"starting trials in {counted(slots, 'slot')}")
        console = self._console
        if not console.is_terminal:
            plain = PlainProgress(
                study, supply, slots, write=lambda line: console.print(line, markup=False), begun=self._begun
            )
            with plain.regular_updates():
                yield plain
            return
        progress = LiveProgress(study, supply, slots, begun=self._begun)
        try:
            with progress.show(console):
                yield progress
        finally:
            console.print(progress.table())


def results_table(results: Mapping[str, Any]) -> Table:
    """Return a table of the test accuracies in `results.json`."""
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
    """Return a table with the numbers of trials and the maximum numbers of epochs.

    The audit has its own row, because its trials can be of any architecture.
    """
    table = Table(title=f"Plan of study {study.name}")
    table.add_column("architecture")
    for column in ("search trials", "confirm trials", "epochs at most"):
        table.add_column(column, justify="right")
    default_seeds = min(study.confirm.default_seeds, study.confirm.seeds)
    total = [0, 0, 0, 0]
    for name in study.architectures:
        specs = [spec for spec in search if spec.architecture == name]
        # The selected configuration is not known yet, so its epochs are at most those of the
        # longest. If it is the default configuration, that is not confirmed twice.
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
    """Return a range as text, or a single number if both ends are equal.

    >>> span(5, 5), span(5, 7)
    ('5', '5 to 7')
    """
    return str(most) if fewest == most else f"{fewest} to {most}"


def architecture_table(registry: Registry, shape: InputShape, classes: int) -> Table:
    """Return a table of all architectures with the sizes of their default configurations.

    This imports torch to count parameters.
    """
    from harness.training.model import summarise_default

    table = Table(title=f"Architectures ({shape.channels}x{shape.height}x{shape.width}, {classes} classes)")
    table.add_column("name")
    table.add_column("parameters", justify="right")
    table.add_column("multiply-adds", justify="right")
    table.add_column("description")
    for architecture in registry.values():
        try:
            summary = summarise_default(architecture, shape, classes)
            sizes = (f"{summary.parameters:,}", f"{summary.macs:,}")
        except (Exception, SystemExit):  # noqa: BLE001  # a user's architecture may not accept this image shape
            sizes = ("?", "?")
        table.add_row(architecture.name, *sizes, architecture.summary)
    return table
