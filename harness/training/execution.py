"""Execution of trials from start to end, as a stream of messages."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import nn

from architectures import BUILT_IN, InputShape, Registry
from harness.data.dataset import SealedTest, TrainingData
from harness.errors import WorkerLostError, describe
from harness.records.messages import Message, Outcome, Started
from harness.records.trial import EpochResult, ModelSummary, Phase, Placement, TrialSpec
from harness.training import (
    CheckpointError,
    Settings,
    TrainingDivergedError,
    build_model,
    prepare,
    read_checkpoint,
    recover,
    resident,
    restore,
    save_checkpoint,
    summarise,
    train_together,
)
from harness.training.evaluation import evaluate
from harness.training.model import weights
from harness.training.program import Program
from harness.training.resident import Normaliser


@dataclass(frozen=True, eq=False)
class Checkpoints:
    """Checkpoints that a trial starts from and makes.

    Attributes:
        every_seconds: Minimum number of seconds between two checkpoints.
        begin_from: Checkpoint of an earlier attempt; None to start from the beginning.
    """

    every_seconds: float = math.inf
    begin_from: bytes | None = None


NO_CHECKPOINTS = Checkpoints()


def run_trial(
    spec: TrialSpec,
    data: TrainingData,
    open_test: Callable[[], SealedTest],
    settings: Settings,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    registry: Registry = BUILT_IN,
) -> Iterator[Message]:
    """Build and train a model and, in the confirm phase, evaluate it on the test split.

    An exception in the model becomes a message with the failure.

    Args:
        spec: Specification of the trial.
        data: Training and validation images.
        open_test: Returns the test split. It is called in the confirm phase only, after the last
            epoch.
        settings: Device, threads and precision.
        checkpoints: Checkpoints that the trial starts from and makes.
        registry: Registry with the architecture.

    Yields:
        A message for each epoch, then the outcome of a confirm trial. If the trial fails, the last
        message is the failure. A trial that resumes from a checkpoint first repeats the messages of
        its earlier epochs.
    """
    for messages in run_trials([spec], data, open_test, settings, checkpoints, registry=registry):
        yield from messages


def run_trials(
    specs: Sequence[TrialSpec],
    data: TrainingData,
    open_test: Callable[[], SealedTest],
    settings: Settings,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    not_together: str | None = None,
    registry: Registry = BUILT_IN,
) -> Generator[tuple[Message, ...]]:
    """Run trials that differ only in the seed, together if possible, otherwise one after another.

    Args:
        specs: Specifications of the trials.
        data: Training and validation images.
        open_test: Returns the test split. It is called in the confirm phase only, after the last
            epoch.
        settings: Device, threads and precision.
        checkpoints: Checkpoints that a single trial starts from and makes. Trials that run together
            have no checkpoints.
        not_together: Why a single trial does not run together with the other seeds.
        registry: Registry with the architecture.

    Yields:
        The messages of all running trials after each epoch and at the end, see `run_trial`.

    Raises:
        WorkerLostError: If this process cannot train any more. A trial that caused the error has
            sent its failure before. Trials without outcome or failure can be retried, each alone in
            another process.
    """
    begun, failure = None, ""
    try:
        begun = _begin(specs, data, settings, checkpoints, not_together, registry)
    except CheckpointError:
        # A checkpoint only saves time. Without it, the trial starts from the beginning.
        checkpoints = replace(checkpoints, begin_from=None)
    except WorkerLostError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  # an architecture may raise anything
        failure = describe(error)
    # Outside the `except` blocks, where the exception would keep the failed trial's memory in use.
    if begun is not None:
        failure = yield from _tell(begun, open_test, settings)
        begun = None
        if failure and len(specs) > 1:
            raise WorkerLostError(f"{failure} (in {len(specs)} trials that ran together; each is retried alone)")
        if failure:
            recover(settings.device)
    elif not failure:
        yield from run_trials(specs, data, open_test, settings, checkpoints, not_together, registry)
    elif len(specs) == 1:
        yield (Message(specs[0].trial_id, None, time.time(), failure=failure),)
        recover(settings.device)
    else:
        # The models draw random numbers, branch on tensor values, or need too much memory together.
        recover(settings.device)
        for spec in specs:
            yield from run_trials([spec], data, open_test, settings, checkpoints, failure, registry)


@dataclass(frozen=True, eq=False)
class _Begun:
    """Trials that are ready to train.

    Attributes:
        specs: Specifications of the trials.
        models: Model of each trial.
        normaliser: Normalisation of the images.
        started: Where and when the trials started.
        behind: Epochs that were restored from a checkpoint.
        epochs: Results of the remaining epochs; an epoch is trained when its result is requested.
        keep: Makes checkpoints.
    """

    specs: Sequence[TrialSpec]
    models: Sequence[nn.Module]
    normaliser: Normaliser
    started: Started
    behind: tuple[EpochResult, ...]
    epochs: Iterable[tuple[EpochResult | TrainingDivergedError, ...]]
    keep: _Keeper


def _begin(
    specs: Sequence[TrialSpec],
    data: TrainingData,
    settings: Settings,
    checkpoints: Checkpoints,
    not_together: str | None,
    registry: Registry,
) -> _Begun:
    """Build the models and prepare the program.

    For several trials, the first epoch is trained here, because it shows whether they can be
    trained together.

    Raises:
        CheckpointError: If the checkpoint is damaged or belongs to another trial.
        WorkerLostError: If the capture of a CUDA graph failed.
        Exception: Any exception of the architecture.
    """
    models = [build_model(spec, data.shape, len(data.classes), registry) for spec in specs]
    on_device = resident(data, settings.device)
    program = prepare(models, specs, on_device, settings)
    behind = _restored(program, specs, checkpoints.begin_from)
    started = Started(_placement(program, len(specs), settings, not_together), time.time())
    epochs = train_together(program, models, specs, on_device, settings, len(behind))
    if len(specs) > 1:
        epochs = chain([next(epochs)], epochs)
    keep = _Keeper(program, specs, behind, checkpoints.every_seconds)
    return _Begun(specs, models, on_device.normaliser, started, behind, epochs, keep)


def _restored(program: Program, specs: Sequence[TrialSpec], checkpoint: bytes | None) -> tuple[EpochResult, ...]:
    """Restore the program from a checkpoint, and return the epochs of the checkpoint.

    Raises:
        CheckpointError: If the checkpoint is damaged or belongs to another trial.
    """
    if checkpoint is None or len(specs) > 1:
        return ()
    read = read_checkpoint(checkpoint, specs[0].trial_id)
    restore(program, read)
    return read.epochs


class _Keeper:
    """Makes a checkpoint of a trial when enough time has passed since the last one."""

    def __init__(
        self, program: Program, specs: Sequence[TrialSpec], begun: tuple[EpochResult, ...], every_seconds: float
    ) -> None:
        self._program = program
        self._spec = specs[0] if len(specs) == 1 and math.isfinite(every_seconds) else None
        self._every_seconds = every_seconds
        self._epochs = begun
        self._since = time.monotonic()

    def __call__(self, epoch: EpochResult) -> bytes | None:
        """Return a checkpoint, or None if the last one is recent or this is the last epoch."""
        if self._spec is None:
            return None
        self._epochs += (epoch,)
        if epoch.epoch == self._spec.epochs or time.monotonic() - self._since < self._every_seconds:
            return None
        self._since = time.monotonic()
        return save_checkpoint(self._program, self._spec.trial_id, self._epochs)


def _placement(program: Program, together: int, settings: Settings, not_together: str | None) -> Placement:
    return Placement(
        node=platform.node(),
        device=settings.device,
        threads=settings.threads,
        precision=settings.precision,
        gpus=settings.gpus,
        captured=program.captured,
        not_captured=program.not_captured,
        together=together,
        not_together=not_together,
    )


def _tell(
    begun: _Begun, open_test: Callable[[], SealedTest], settings: Settings
) -> Generator[tuple[Message, ...], None, str]:
    """Train and yield the messages of the trials.

    Returns:
        The exception that ended the trials, as text; empty if there was none.
    """
    specs, started = begun.specs, begun.started
    for epoch in begun.behind:
        yield (Message(specs[0].trial_id, started, time.time(), epoch=epoch),)
    running = {spec.trial_id: model for spec, model in zip(specs, begun.models, strict=True)}
    try:
        for results in begun.epochs:
            yield tuple(
                _after_epoch(begun, spec.trial_id, result)
                for spec, result in zip(specs, results, strict=True)
                if spec.trial_id in running
            )
            for spec, result in zip(specs, results, strict=True):
                if isinstance(result, TrainingDivergedError):
                    running.pop(spec.trial_id, None)
            if not running:
                return ""
        if specs[0].phase is Phase.CONFIRM:
            test = open_test().open(specs[0].phase)
            for trial_id, model in list(running.items()):
                evaluated, probabilities = evaluate(model, test, begun.normaliser, settings)
                outcome = Outcome(evaluated, probabilities, weights(model))
                del running[trial_id]
                yield (Message(trial_id, started, time.time(), outcome=outcome),)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # an architecture may raise anything
        failure = describe(error)
        if len(specs) == 1:
            yield tuple(Message(trial_id, started, time.time(), failure=failure) for trial_id in running)
        return failure
    return ""


def _after_epoch(begun: _Begun, trial_id: str, result: EpochResult | TrainingDivergedError) -> Message:
    if isinstance(result, TrainingDivergedError):
        return Message(trial_id, begun.started, time.time(), failure=f"diverged: {result}")
    return Message(trial_id, begun.started, time.time(), epoch=result, checkpoint=begun.keep(result))


def summary_of(spec: TrialSpec, shape: InputShape, classes: int, registry: Registry = BUILT_IN) -> ModelSummary | None:
    """Return the size of the model of a trial; None if the model cannot be built."""
    architecture = registry[spec.architecture]
    hyperparameters = architecture.hyperparameters.model_validate(spec.hyperparameters)
    try:
        with torch.device("meta"):
            return summarise(architecture.build(hyperparameters, shape, classes), shape)
    except (Exception, SystemExit):  # noqa: BLE001  # the trial itself reports the reason
        return None
