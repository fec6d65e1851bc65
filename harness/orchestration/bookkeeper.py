"""The messages of trials as records, each durable before anything follows from it."""

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
    """Makes durable what trials give."""

    def keep(self, record: TrialRecord, outcome: Outcome | None) -> None:
        """A trial ended; called once for each."""

    def keep_checkpoint(self, trial_id: str, checkpoint: bytes) -> None:
        """A trial that goes on left a checkpoint."""

    def checkpoint(self, spec: TrialSpec) -> bytes | None:
        """The last checkpoint that a trial left; None when there is none."""


@dataclass
class Attempt:
    """An attempt at a trial while it runs.

    Attributes:
        spec: what it does.
        number: from 1; one more for each worker that was lost with the trial.
        began_at: seconds since 1970.
        heard_at: when it began or said something last, on this machine's monotonic clock.
        epochs: what it gave so far.
        last: its last message.
    """

    spec: TrialSpec
    number: int
    began_at: float = field(default_factory=time.time)
    heard_at: float = field(default_factory=time.monotonic)
    epochs: list[EpochResult] = field(default_factory=list)
    last: Message | None = None

    def hear(self, message: Message) -> None:
        """It said something."""
        self.last, self.heard_at = message, time.monotonic()
        if message.epoch is not None:
            self.epochs.append(message.epoch)

    def record(self, status: Status, reason: str | None, model: ModelSummary | None) -> TrialRecord:
        """The trial, ended with this attempt."""
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
    """Turns the messages of trials into records, and makes each durable before anything follows from it.

    Attributes:
        error: what the keeper raised, if it did; nothing is recorded after that.
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
        self._attempts: dict[str, Attempt] = {}  # the last one of every trial that has begun and not ended
        self._ended: set[str] = set()
        self.error: Exception | None = None

    def specs_of(self, trial: Trial) -> tuple[TrialSpec, ...]:
        """The specifications of a Tune trial: several where one program trains them."""
        if trial.trial_id not in self._specs:
            self._specs[trial.trial_id] = tuple(TrialSpec.model_validate(spec) for spec in trial.config["specs"])
        return self._specs[trial.trial_id]

    def spec_of(self, trial: Trial) -> TrialSpec:
        """The first specification of a Tune trial; a search trial has no other."""
        return self.specs_of(trial)[0]

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial, or another attempt at it, was given a worker."""
        for spec in self.specs_of(trial):
            if not self.has_ended(spec):
                self.begin(spec)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """Messages arrived, and the scheduler has decided; `done` says that it stops the trial."""
        # Tune keeps the last result of every trial; the messages are heavy, and stay here.
        messages: tuple[Message, ...] = result.pop("messages")
        specs = {spec.trial_id: spec for spec in self.specs_of(trial)}
        for message in messages:
            if message.trial_id not in self._ended:
                self.hear(specs[message.trial_id], message, stopped=bool(result.get("done")))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """The worker of a trial died: another one tries, unless the trial hung or too many have died of it."""
        reason = death(_said_of(trial))
        for spec in self.specs_of(trial):
            if not self.has_ended(spec):
                self.lose(spec, reason)

    def begin(self, spec: TrialSpec) -> None:
        """An attempt at a trial begins."""
        before = self._attempts.get(spec.trial_id)
        self._attempts[spec.trial_id] = Attempt(spec, before.number + 1 if before else 1)
        self._observer.started(spec)

    def has_ended(self, spec: TrialSpec) -> bool:
        """Whether a trial has a record."""
        return spec.trial_id in self._ended

    def lose(self, spec: TrialSpec, reason: str) -> None:
        """The worker of an attempt was lost, for this reason: another attempt follows, if any is left."""
        attempt = self._attempt(spec)
        silent = time.monotonic() - attempt.heard_at
        if silent >= self._study.trial_timeout:
            limit = f"trial_timeout is {self._study.trial_timeout:g} seconds"
            self._end(attempt, Status.FAILED, f"it said nothing for {silent:.0f} seconds and was ended: {limit}")
        elif attempt.number > self._study.max_failures:
            number = attempt.number
            died = "its worker died" if number == 1 else f"each of its {number} workers died; the last one"
            self._end(attempt, Status.FAILED, f"{died}: {reason}")
        else:
            self._observer.again(spec, reason)
            self._supply.again(spec)

    def hear(self, spec: TrialSpec, message: Message, *, stopped: bool = False) -> None:
        """A trial said something; `stopped` when the scheduler stops it there."""
        attempt = self._attempt(spec)
        attempt.hear(message)
        if message.epoch is not None:
            self._observer.epoch(spec, message.epoch)
        if message.checkpoint is not None:
            self._durably(partial(self._keeper.keep_checkpoint, spec.trial_id, message.checkpoint))
        status = status_after(spec, message, stopped=stopped)
        if status is not None:
            self._end(attempt, status, message.failure)

    def _attempt(self, spec: TrialSpec) -> Attempt:
        """The one that runs; a worker can be lost before Tune has told of its start."""
        return self._attempts.setdefault(spec.trial_id, Attempt(spec, 1))

    def _end(self, attempt: Attempt, status: Status, reason: str | None) -> None:
        trial_id = attempt.spec.trial_id
        self._attempts.pop(trial_id, None)
        if self.error is not None or trial_id in self._ended:
            return
        self._ended.add(trial_id)  # a worker may still die after its last message
        record = attempt.record(status, reason, self._summary_of(attempt.spec))

        def end() -> None:
            self._keeper.keep(record, attempt.last.outcome if attempt.last else None)
            self._supply.ended(record)
            self._observer.ended(record)

        self._durably(end)

    def _durably(self, write: Callable[[], None]) -> None:
        """Write, unless that has failed before; a failure ends the experiment, since what follows would be lost too."""
        if self.error is not None:
            return
        try:
            write()
        except Exception as error:  # noqa: BLE001  # Tune would bury it; run_experiment raises it
            self.error = error
            self._supply.abandon()


class StopOnError(Unsaved, tune.Stopper):
    """Ends the experiment when a record could not be kept: what follows would be lost too."""

    def __init__(self, bookkeeper: Bookkeeper) -> None:
        self._bookkeeper = bookkeeper

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """No trial is stopped for its result."""
        return False

    def stop_all(self) -> bool:
        """Whether to stop everything."""
        return self._bookkeeper.error is not None


def _said_of(trial: Trial) -> str:
    """What Ray said of the death of a trial's worker; Tune keeps it in a file of its own."""
    try:
        return Path(trial.error_file).read_text(encoding="utf-8", errors="replace") if trial.error_file else ""
    except OSError:
        return ""


def status_after(spec: TrialSpec, message: Message, *, stopped: bool) -> Status | None:
    """How a trial ended with this message; None while it goes on.

    Args:
        spec: what was asked of it.
        message: what it said last.
        stopped: whether the scheduler stops it here.
    """
    if message.failure is not None:
        return Status.FAILED
    if message.outcome is not None:
        return Status.COMPLETED
    last = message.epoch is not None and message.epoch.epoch == spec.epochs
    if spec.phase is not Phase.CONFIRM and last:
        return Status.COMPLETED
    return Status.STOPPED_EARLY if stopped else None
