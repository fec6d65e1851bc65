"""Conversion of the messages of trials into records that are written to disk at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ray import tune
from ray.tune.experiment import Trial

from harness.orchestration.ray_quirks import Unsaved, death
from harness.records.messages import Message, Outcome
from harness.records.trial import EpochResult, ModelSummary, Phase, Status, TrialRecord, TrialSpec
from harness.schedule.observer import Observer
from harness.schedule.supply import Supply
from harness.study import Study


class Keeper(Protocol):
    """Storage that writes the results of trials to disk."""

    def keep(self, record: TrialRecord, outcome: Outcome | None) -> None:
        """Store the record of a trial that has ended. Called once for each trial."""

    def keep_checkpoint(self, trial_id: str, checkpoint: bytes) -> None:
        """Store a checkpoint of a running trial."""

    def checkpoint(self, spec: TrialSpec) -> bytes | None:
        """Return the last checkpoint of a trial, or None if it has none."""


@dataclass
class Attempt:
    """A running attempt at a trial.

    Attributes:
        spec: Specification of the trial.
        number: Number of the attempt, from 1. Each lost worker adds 1.
        began_at: Start of the attempt, in seconds since 1970.
        last_message_at: Time of the last message, or of the start. Monotonic clock of this machine.
        epochs: Results of the epochs so far.
        last: The last message; None before the first one.
    """

    spec: TrialSpec
    number: int
    began_at: float = field(default_factory=time.time)
    last_message_at: float = field(default_factory=time.monotonic)
    epochs: list[EpochResult] = field(default_factory=list)
    last: Message | None = None

    def receive(self, message: Message) -> None:
        """Take in a message of the trial."""
        self.last, self.last_message_at = message, time.monotonic()
        if message.epoch is not None:
            self.epochs.append(message.epoch)

    def record(self, status: Status, reason: str | None, model: ModelSummary | None) -> TrialRecord:
        """Return the record of a trial that ended with this attempt."""
        started = self.last.started if self.last else None
        return TrialRecord(
            trial_id=self.spec.trial_id,
            spec=self.spec,
            status=status,
            reason=reason,
            epochs=tuple(self.epochs),
            placement=started.placement if started else None,
            model=model,
            test=self.last.outcome.test if self.last and self.last.outcome else None,
            started_at=started.at if started else self.began_at,
            ended_at=self.last.at if self.last else time.time(),
            attempts=self.number,
        )


class Bookkeeper(Unsaved, tune.Callback):
    """Tune callback that turns the messages of trials into records.

    A record is written to disk before the scheduler, the supply or the display learns of it.

    Attributes:
        error: The exception that the keeper raised, or None. After an exception, nothing is
            recorded.
    """

    def __init__(
        self,
        study: Study,
        supply: Supply,
        summary_of: Callable[[TrialSpec], ModelSummary | None],
        keeper: Keeper,
        observer: Observer,
    ) -> None:
        self._study = study
        self._supply = supply
        self._summary_of = summary_of
        self._keeper = keeper
        self._observer = observer
        self._specs: dict[str, tuple[TrialSpec, ...]] = {}
        self._attempts: dict[str, Attempt] = {}  # the latest attempt of every running trial
        self._ended: set[str] = set()
        self.error: Exception | None = None

    def specs_of(self, trial: Trial) -> tuple[TrialSpec, ...]:
        """Return the specifications of a Tune trial: several if they are trained together."""
        if trial.trial_id not in self._specs:
            self._specs[trial.trial_id] = tuple(TrialSpec.model_validate(spec) for spec in trial.config["specs"])
        return self._specs[trial.trial_id]

    def spec_of(self, trial: Trial) -> TrialSpec:
        """Return the first specification of a Tune trial. A search trial has only one."""
        return self.specs_of(trial)[0]

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Begin an attempt: the trial was given a worker."""
        for spec in self.specs_of(trial):
            if not self.has_ended(spec):
                self.begin(spec)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Take in messages. The scheduler has already decided: `done` means it stops the trial."""
        # Tune keeps the last result of every trial. The messages are large, so they are removed.
        messages: tuple[Message, ...] = result.pop("messages")
        specs = {spec.trial_id: spec for spec in self.specs_of(trial)}
        for message in messages:
            if message.trial_id not in self._ended:
                self.receive(specs[message.trial_id], message, stopped=bool(result.get("done")))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Handle the death of a worker: retry its trials, or record them as failed."""
        reason = death(_error_text(trial))
        for spec in self.specs_of(trial):
            if not self.has_ended(spec):
                self.lose(spec, reason)

    def begin(self, spec: TrialSpec) -> None:
        """Begin an attempt at a trial."""
        before = self._attempts.get(spec.trial_id)
        self._attempts[spec.trial_id] = Attempt(spec, before.number + 1 if before else 1)
        self._observer.started(spec)

    def has_ended(self, spec: TrialSpec) -> bool:
        """Return whether the trial has a record."""
        return spec.trial_id in self._ended

    def lose(self, spec: TrialSpec, reason: str) -> None:
        """Retry a trial that lost its worker, or record it as failed.

        It has failed if it sent no message for `trial_timeout` seconds, or if it has lost more than
        `max_failures` workers.
        """
        attempt = self._attempt(spec)
        silent = time.monotonic() - attempt.last_message_at
        if silent >= self._study.trial_timeout:
            limit = f"trial_timeout is {self._study.trial_timeout:g} seconds"
            self._end(attempt, Status.FAILED, f"killed after {silent:.0f} seconds without a message; {limit}")
        elif attempt.number > self._study.max_failures:
            number = attempt.number
            died = "its worker died" if number == 1 else f"each of its {number} workers died; the last one"
            self._end(attempt, Status.FAILED, f"{died}: {reason}")
        else:
            self._observer.again(spec, reason)
            self._supply.again(spec)

    def receive(self, spec: TrialSpec, message: Message, *, stopped: bool = False) -> None:
        """Take in a message of a trial; `stopped` if the scheduler stops the trial here."""
        attempt = self._attempt(spec)
        attempt.receive(message)
        if message.epoch is not None:
            self._observer.epoch(spec, message.epoch)
        if message.checkpoint is not None:
            self._durably(partial(self._keeper.keep_checkpoint, spec.trial_id, message.checkpoint))
        status = status_after(spec, message, stopped=stopped)
        if status is not None:
            self._end(attempt, status, message.failure)

    def _attempt(self, spec: TrialSpec) -> Attempt:
        """Return the running attempt. A worker can be lost before Tune reports its start."""
        return self._attempts.setdefault(spec.trial_id, Attempt(spec, 1))

    def _end(self, attempt: Attempt, status: Status, reason: str | None) -> None:
        trial_id = attempt.spec.trial_id
        self._attempts.pop(trial_id, None)
        if self.error is not None or trial_id in self._ended:
            return
        self._ended.add(trial_id)  # its worker may still die after the last message
        record = attempt.record(status, reason, self._summary_of(attempt.spec))

        def end() -> None:
            self._keeper.keep(record, attempt.last.outcome if attempt.last else None)
            self._supply.ended(record)
            self._observer.ended(record)

        self._durably(end)

    def _durably(self, write: Callable[[], None]) -> None:
        """Write, unless writing has failed before.

        A failure ends the experiment, because later results could not be stored either.
        """
        if self.error is not None:
            return
        try:
            write()
        except Exception as error:  # noqa: BLE001  # Tune would hide it; run_experiment raises it
            self.error = error
            self._supply.abandon()


class StopOnError(Unsaved, tune.Stopper):
    """Stopper that ends the experiment after a record could not be stored."""

    def __init__(self, bookkeeper: Bookkeeper) -> None:
        self._bookkeeper = bookkeeper

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Return False: no trial is stopped because of its result."""
        return False

    def stop_all(self) -> bool:
        """Return whether to end the experiment."""
        return self._bookkeeper.error is not None


def _error_text(trial: Trial) -> str:
    """Return Ray's error text about a dead worker. Tune stores it in a file for each trial."""
    try:
        return Path(trial.error_file).read_text(encoding="utf-8", errors="replace") if trial.error_file else ""
    except OSError:
        return ""


def status_after(spec: TrialSpec, message: Message, *, stopped: bool) -> Status | None:
    """Return the status of a trial after a message, or None if the trial continues.

    Args:
        spec: Specification of the trial.
        message: Its latest message.
        stopped: Whether the scheduler stops the trial here.
    """
    if message.failure is not None:
        return Status.FAILED
    if message.outcome is not None:
        return Status.COMPLETED
    last = message.epoch is not None and message.epoch.epoch == spec.epochs
    if spec.phase is not Phase.CONFIRM and last:
        return Status.COMPLETED
    return Status.STOPPED_EARLY if stopped else None
