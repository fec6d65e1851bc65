"""Progress of a run: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.records.trial import EpochResult, Phase, Status, TrialRecord, TrialSpec
from harness.schedule.remaining import remaining_seconds
from harness.schedule.supply import Supply
from harness.study import Study

SILENCE_SECONDS = 20.0
"""Seconds without output before plain output lists the running trials."""


@dataclass
class ArchitectureProgress:
    """Progress of one architecture.

    Attributes:
        running: Results of the epochs so far of each running trial, by its identity.
        ended: Number of ended trials, by phase and status.
        lost_workers: Reasons why workers of its trials died.
        best: Highest validation accuracy of any epoch in the search.
    """

    running: dict[str, list[EpochResult]] = field(default_factory=dict)
    ended: Counter[tuple[Phase, Status]] = field(default_factory=Counter)
    lost_workers: list[str] = field(default_factory=list)
    best: float | None = None


class Progress:
    """Counts of the events of a run. Subclasses display them."""

    def __init__(
        self,
        study: Study,
        supply: Supply,
        slots: int,
        clock: Callable[[], float] = time.monotonic,
        begun: float | None = None,
    ) -> None:
        self._study = study
        self._supply = supply
        self._slots = slots
        self._clock = clock
        self._begun = clock() if begun is None else begun
        self.architectures = {name: ArchitectureProgress() for name in study.architectures}
        for record in supply.records:
            self._count(record)

    def started(self, spec: TrialSpec) -> None:
        """Count a trial that was given a slot."""
        self.architectures[spec.architecture].running[spec.trial_id] = []

    def epoch(self, spec: TrialSpec, result: EpochResult) -> None:
        """Count an epoch of a trial."""
        progress = self.architectures[spec.architecture]
        progress.running.setdefault(spec.trial_id, []).append(result)
        if spec.phase is Phase.SEARCH:
            progress.best = max(progress.best or 0.0, result.validation_accuracy)

    def again(self, spec: TrialSpec, reason: str) -> None:
        """Count a lost worker, whose trial is retried."""
        progress = self.architectures[spec.architecture]
        progress.running.pop(spec.trial_id, None)
        progress.lost_workers.append(reason)

    def ended(self, record: TrialRecord) -> None:
        """Count a trial that has ended."""
        self._count(record)

    def _count(self, record: TrialRecord) -> None:
        progress = self.architectures[record.spec.architecture]
        progress.running.pop(record.trial_id, None)
        progress.ended[record.spec.phase, record.status] += 1
        if record.spec.phase is Phase.SEARCH:
            accuracies = [epoch.validation_accuracy for epoch in record.epochs]
            progress.best = max([progress.best or 0.0, *accuracies]) if accuracies else progress.best

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the run."""
        return self._clock() - self._begun

    def planned(self, architecture: str, phase: Phase) -> int:
        """Return the number of trials of a phase, or the minimum while they are not known yet."""
        known = sum(1 for spec in self._supply.specs[phase] if spec.architecture == architecture)
        return known or (self._study.confirm.seeds if phase is Phase.CONFIRM else 0)

    def count(self, architecture: str, phase: Phase) -> int:
        """Return the number of trials of a phase that have ended."""
        ended = self.architectures[architecture].ended
        return sum(number for (of, _), number in tuple(ended.items()) if of is phase)

    def remaining(self) -> float | None:
        """Estimate the remaining seconds; None if an architecture has not trained an epoch yet."""
        # Copied in one step, because another thread may show the progress while trials start and
        # end.
        running = {trial: epochs for one in self.architectures.values() for trial, epochs in tuple(one.running.items())}
        return remaining_seconds(self._study, self._supply, running, self._slots)


class LiveProgress(Progress):
    """Table in a terminal that is updated continuously."""

    def show(self, console: Console) -> Live:
        """Return a context manager that shows the table."""
        return Live(get_renderable=self.table, console=console, refresh_per_second=2, transient=True)

    def table(self) -> Table:
        """Return the table with the progress of every architecture."""
        remaining = self.remaining()
        left = "…" if remaining is None else f"about {duration(remaining)}"
        table = Table(title=f"{self._study.name}: {duration(self.elapsed)} elapsed, {left} left")
        table.add_column("architecture")
        for column in (
            "search",
            "stopped early",
            "failed",
            "lost workers",
            "running",
            "confirm",
            "audit",
            "best validation",
        ):
            table.add_column(column, justify="right")
        for name, progress in self.architectures.items():
            ended = progress.ended
            table.add_row(
                name,
                f"{self.count(name, Phase.SEARCH)}/{self.planned(name, Phase.SEARCH)}",
                str(ended[Phase.SEARCH, Status.STOPPED_EARLY]),
                str(sum(ended[phase, Status.FAILED] for phase in Phase)),
                str(len(progress.lost_workers)),
                str(len(progress.running)),
                f"{self.count(name, Phase.CONFIRM)}/{self.planned(name, Phase.CONFIRM)}",
                f"{self.count(name, Phase.AUDIT)}/{self.planned(name, Phase.AUDIT)}",
                "" if progress.best is None else f"{progress.best:.2%}",
            )
        return table


class PlainProgress(Progress):
    """Plain lines: one for each trial that ends, and the running trials if none ends for long."""

    def __init__(
        self,
        study: Study,
        supply: Supply,
        slots: int,
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        begun: float | None = None,
    ) -> None:
        super().__init__(study, supply, slots, clock, begun)
        self._write_line = write
        self._written = clock()

    @contextlib.contextmanager
    def regular_updates(self) -> Iterator[None]:
        """List running trials from time to time while the block runs."""
        over = threading.Event()

        def write_regularly() -> None:
            while not over.wait(1.0):
                self.write_running()

        thread = threading.Thread(target=write_regularly, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def write_running(self) -> None:
        """Write a line with the running trials, unless a line was written recently."""
        if self._clock() - self._written >= SILENCE_SECONDS:
            self._write(f"{self._time()} {self.running()}")

    def running(self) -> str:
        """Return a text with the running trials and their epochs so far."""
        trials = [
            f"{name} ({counted(len(epochs), 'epoch')} so far)"
            for name, progress in self.architectures.items()
            for epochs in tuple(progress.running.values())
        ]
        return f"running: {', '.join(trials)}" if trials else "waiting for workers"

    def _write(self, line: str) -> None:
        self._written = self._clock()
        self._write_line(line)

    def _time(self) -> str:
        remaining = self.remaining()
        left = "" if remaining is None else f", about {duration(remaining)} left"
        return f"[{duration(self.elapsed)}{left}]"

    def again(self, spec: TrialSpec, reason: str) -> None:
        """Write a line about a lost worker."""
        super().again(spec, reason)
        place = f"{spec.architecture} {spec.phase.value} trial {spec.trial_id}"
        self._write(f"[{duration(self.elapsed)}] {place} lost its worker and is retried: {reason}")

    def ended(self, record: TrialRecord) -> None:
        """Write a line about a trial that has ended."""
        super().ended(record)
        self._write(self.line(record))

    def line(self, record: TrialRecord) -> str:
        """Return a line with the result of a trial that has ended."""
        name, phase = record.spec.architecture, record.spec.phase
        place = f"{name} {phase.value} {self.count(name, phase)}/{self.planned(name, phase)}"
        last = record.last_epoch
        what = (
            f"validation {last.validation_accuracy:.2%} after {counted(last.epoch, 'epoch')}"
            if last
            else "no epoch completed"
        )
        reason = f" ({record.reason})" if record.reason else ""
        status = record.status.value.replace("_", " ")
        return f"{self._time()} {place} {status}: {what}{reason}"


def counted(number: int, what: str) -> str:
    """Return a number with its noun in the singular or plural.

    >>> counted(1, "epoch"), counted(3, "epoch")
    ('1 epoch', '3 epochs')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def duration(seconds: float) -> str:
    """Format seconds as minutes and seconds, or as hours and minutes.

    >>> duration(75), duration(3720)
    ('1:15', '1h02')
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}h{whole % 3600 // 60:02}"
    return f"{whole // 60}:{whole % 60:02}"
