"""One Tune experiment for a whole study: every architecture, both phases."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import ray
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.search import Searcher

from harness.data.dataset import SealedTest, TrainingData
from harness.messages import Message, Outcome
from harness.orchestration.cluster import Cluster, Share
from harness.orchestration.death import death
from harness.orchestration.joint import train_jointly
from harness.orchestration.loggers import loggers
from harness.orchestration.memory import lack_of_memory_costs_one_trial
from harness.orchestration.scheduler import PerArchitectureScheduler
from harness.orchestration.trainable import Placed, trainable
from harness.orchestration.unsaved import Unsaved
from harness.study import Study
from harness.supply import Supply
from harness.trial import EpochResult, ModelSummary, Phase, Status, TrialRecord, TrialSpec


class Observer(Protocol):
    """Is told what happens, as it happens."""

    def started(self, spec: TrialSpec) -> None:
        """A trial was given a slot."""

    def epoch(self, spec: TrialSpec, result: EpochResult) -> None:
        """A trial finished an epoch."""

    def again(self, spec: TrialSpec, reason: str) -> None:
        """A trial lost its worker, for this reason, and is tried again."""

    def ended(self, record: TrialRecord) -> None:
        """A trial ended, and is in the journal."""


class Keeper(Protocol):
    """Makes durable what trials give."""

    def keep(self, record: TrialRecord, outcome: Outcome | None) -> None:
        """A trial ended; called once for each."""

    def keep_checkpoint(self, trial_id: str, checkpoint: bytes) -> None:
        """A trial that goes on left a checkpoint."""

    def checkpoint(self, spec: TrialSpec) -> bytes | None:
        """The last checkpoint that a trial left; None when there is none."""


@dataclass(frozen=True, eq=False)
class Shared:
    """The data set that all trials of a study share."""

    training: TrainingData
    test: SealedTest


def run_experiment(
    study: Study,
    supply: Supply,
    shared: Shared,
    cluster: Cluster,
    summary_of: Callable[[TrialSpec], ModelSummary | None],
    keeper: Keeper,
    observer: Observer,
    folder: Path,
) -> None:
    """Run every trial that the supply hands out; returns when all have ended or the user interrupted.

    Args:
        study: early stopping, precision, and what happens to trials that fail or hang.
        supply: which trial comes next.
        shared: the data.
        cluster: the connected cluster.
        summary_of: size of a trial's model.
        keeper: makes durable what trials give.
        observer: is told what happens.
        folder: of the run, where loggers may write.

    Raises:
        Exception: whatever `keeper` raised; the experiment is stopped first.
    """
    placed = Placed(
        training=ray.put(shared.training),
        test=ray.put(shared.test),
        precision=study.precision,
        checkpoint_seconds=study.checkpoint.every_seconds,
        trial_timeout=study.trial_timeout,
    )
    bookkeeper = Bookkeeper(study, supply, summary_of, keeper, observer)
    scheduler = PerArchitectureScheduler(
        study.early_stopping, _longest(supply.specs[Phase.SEARCH]), bookkeeper.spec_of, cluster.slots
    )
    for record in supply.records:
        scheduler.replay(record)
    # With fewer waiting, Tune hands a short trial's actor on before the other slots have one, and they stay empty;
    # with many more, the supply decides too early what comes next.
    os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(cluster.slots)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    lack_of_memory_costs_one_trial()
    with tempfile.TemporaryDirectory(prefix="harness-tune-") as scratch:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(trainable, placed=placed), _bundle),
            tune_config=tune.TuneConfig(
                search_alg=SupplySearcher(supply, keeper, cluster.shares),
                scheduler=scheduler,
                num_samples=-1,
                reuse_actors=True,
                max_concurrent_trials=None,
                trial_name_creator=_name,
                trial_dirname_creator=_name,
            ),
            run_config=tune.RunConfig(
                name="study",
                storage_path=str(Path(scratch).resolve()),
                failure_config=tune.FailureConfig(max_failures=0),  # the supply hands a trial out again
                callbacks=[*loggers(study, folder), bookkeeper, SilentProgress()],
                stop=StopOnError(bookkeeper),
                verbose=0,
            ),
        )
        tuner.fit()
        train_jointly(study, supply, placed, cluster, bookkeeper, Path(scratch).resolve())
    if bookkeeper.error is not None:
        raise bookkeeper.error


def _bundle(config: dict[str, Any]) -> tune.PlacementGroupFactory:
    """What a trial is given: a CPU for each of its threads, and its GPUs."""
    gpus = {"GPU": config["gpus"]} if config["gpus"] > 0 else {}
    return tune.PlacementGroupFactory([{"CPU": float(config["threads"])} | gpus])


def _longest(specs: tuple[TrialSpec, ...]) -> Mapping[str, int]:
    longest: dict[str, int] = {}
    for spec in specs:
        longest[spec.architecture] = max(spec.epochs, longest.get(spec.architecture, 0))
    return longest


def _name(trial: Trial) -> str:
    return TrialSpec.model_validate(trial.config["specs"][0]).trial_id


class SupplySearcher(Unsaved, Searcher):
    """Tune asks this for its next trial; the supply decides."""

    def __init__(self, supply: Supply, keeper: Keeper, shares: Mapping[str, Share]) -> None:
        super().__init__()
        self._supply = supply
        self._keeper = keeper
        self._shares = shares

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """The next trial; None while one may still come; FINISHED when none will."""
        spec = self._supply.next()
        if spec is not None:
            share = self._shares[spec.architecture]
            specs = (spec, *self._supply.take_beside(spec, share.together - 1))
            return {
                "specs": [spec.model_dump(mode="json") for spec in specs],
                "checkpoint": self._keeper.checkpoint(spec) if len(specs) == 1 else None,
                "gpus": share.gpus,
                "device": share.device,
                "threads": share.cpus,
                "another_attempt": self._supply.is_another_attempt(spec),
            }
        # FINISHED is a string, which the method's declared type leaves out.
        return cast(None, Searcher.FINISHED) if self._supply.exhausted else None

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing: the supply hears of a trial when its record is durable."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal holds the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the journal holds the state."""


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
        self._epochs: dict[str, list[EpochResult]] = {}
        self._messages: dict[str, Message] = {}
        self._start_times: dict[str, float] = {}
        self._lost: Counter[str] = Counter()  # workers that died of a trial
        self._heard: dict[str, float] = {}  # when a trial began or last said something, on this machine's clock
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
            if spec.trial_id not in self._ended:
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
            if spec.trial_id not in self._ended:
                self.lose(spec, reason)

    def begin(self, spec: TrialSpec) -> None:
        """An attempt at a trial begins."""
        self._start_times[spec.trial_id] = time.time()
        self._heard[spec.trial_id] = time.monotonic()
        self._epochs[spec.trial_id] = []
        self._messages.pop(spec.trial_id, None)
        self._observer.started(spec)

    def has_ended(self, spec: TrialSpec) -> bool:
        """Whether a trial has a record."""
        return spec.trial_id in self._ended

    def lose(self, spec: TrialSpec, reason: str) -> None:
        """An attempt at a trial ended without a word, for this reason: another one follows, if any is left."""
        self._lost[spec.trial_id] += 1
        lost = self._lost[spec.trial_id]
        silent = time.monotonic() - self._heard.get(spec.trial_id, time.monotonic())
        if silent >= self._study.trial_timeout:
            limit = f"trial_timeout is {self._study.trial_timeout:g} seconds"
            reason = f"it said nothing for {silent:.0f} seconds and was ended: {limit}"
            self._end(spec, Status.FAILED, reason, attempts=lost)
        elif lost > self._study.max_failures:
            died = "its worker died" if lost == 1 else f"each of its {lost} workers died; the last one"
            self._end(spec, Status.FAILED, f"{died}: {reason}", attempts=lost)
        else:
            self._observer.again(spec, reason)
            self._supply.again(spec)

    def hear(self, spec: TrialSpec, message: Message, *, stopped: bool = False) -> None:
        """A trial said something; `stopped` when the scheduler stops it there."""
        self._messages[spec.trial_id] = message
        self._heard[spec.trial_id] = time.monotonic()
        if message.epoch is not None:
            self._epochs[spec.trial_id].append(message.epoch)
            self._observer.epoch(spec, message.epoch)
        if message.checkpoint is not None:
            self._durably(partial(self._keeper.keep_checkpoint, spec.trial_id, message.checkpoint))
        status = status_after(spec, message, stopped=stopped)
        if status is not None:
            self._end(spec, status, message.failure, attempts=self._lost[spec.trial_id] + 1)

    def _end(self, spec: TrialSpec, status: Status, reason: str | None, attempts: int) -> None:
        message = self._messages.pop(spec.trial_id, None)
        started = message.started if message else None
        ended_at = message.at if message else time.time()
        record = TrialRecord(
            trial_id=spec.trial_id,
            spec=spec,
            status=status,
            reason=reason,
            epochs=tuple(self._epochs.pop(spec.trial_id, ())),
            placement=started.placement if started else None,
            model=self._summary_of(spec),
            test=message.outcome.test if message and message.outcome else None,
            started_at=started.at if started else self._start_times.get(spec.trial_id, ended_at),
            ended_at=ended_at,
            attempts=attempts,
        )
        if self.error is not None or spec.trial_id in self._ended:
            return
        self._ended.add(spec.trial_id)  # a worker may still die after its last message

        def end() -> None:
            self._keeper.keep(record, message.outcome if message else None)
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


class SilentProgress(TrialProgressCallback):
    """Takes the place of a callback that Tune would add, and that prints whatever `verbose` says."""

    def __init__(self) -> None:
        super().__init__(metric=None)

    def _print(self, msg: str) -> None:
        """Nothing."""


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
