"""Trials from start to end, as a stream of messages; what carries them is not its business."""

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
    """What a trial begins from, and what it leaves on its way.

    Attributes:
        every_seconds: between two that it leaves, at least.
        begin_from: what an earlier attempt at the trial left; None for the start.
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
    """Build, train and, in the confirm phase, test a model; nothing that the model does wrong gets out of here.

    Args:
        spec: what to do.
        data: training and validation images.
        open_test: fetches the sealed test split; called in the confirm phase only, after the last epoch.
        settings: device, threads and precision.
        checkpoints: what it begins from, and leaves.
        registry: where its architecture is found.

    Yields:
        A message for each epoch, then the outcome of a confirm trial; or a failure, as the last one. A trial that
        begins from a checkpoint first repeats the messages of the epochs that it has behind it.
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
    """Trials that differ in nothing but the seed, trained as one program; one after the other where that cannot be.

    Args:
        specs: what to do.
        data: training and validation images.
        open_test: fetches the sealed test split; called in the confirm phase only, after the last epoch.
        settings: device, threads and precision.
        checkpoints: what a trial alone begins from, and leaves; trials together do neither.
        not_together: why a trial is alone although others were to be trained with it.
        registry: where their architecture is found.

    Yields:
        What there is to say after each epoch and at the end, of every trial that has not ended: see `run_trial`.

    Raises:
        WorkerLostError: nothing more can be trained in this process. A trial whose fault that is has given its failure
            before; those that have given neither outcome nor failure can be tried by another process, each alone.
    """
    begun, failure = None, ""
    try:
        begun = _begin(specs, data, settings, checkpoints, not_together, registry)
    except CheckpointError:
        # A checkpoint only saves time: what it would have given is trained again.
        checkpoints = replace(checkpoints, begin_from=None)
    except WorkerLostError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a contender may raise anything, at its own cost only
        failure = describe(error)
    # Outside of the `except` blocks, so that nothing of what failed is referenced any more, and its memory is free.
    if begun is not None:
        failure = yield from _tell(begun, open_test, settings)
        begun = None
        if failure and len(specs) > 1:
            raise WorkerLostError(f"{failure} (in {len(specs)} trials together; each is tried again alone)")
        if failure:
            recover(settings.device)
    elif not failure:
        yield from run_trials(specs, data, open_test, settings, checkpoints, not_together, registry)
    elif len(specs) == 1:
        yield (Message(specs[0].trial_id, None, time.time(), failure=failure),)
        recover(settings.device)
    else:
        # They draw random numbers of their own, look at their own values, or need too much memory together.
        recover(settings.device)
        for spec in specs:
            yield from run_trials([spec], data, open_test, settings, checkpoints, failure, registry)


@dataclass(frozen=True, eq=False)
class _Begun:
    """Trials whose program is ready.

    Attributes:
        specs: what they do.
        models: one for each.
        normaliser: of the images.
        started: where and when.
        behind: epochs that a checkpoint brought along.
        epochs: the others, trained as they are asked for.
        keep: makes checkpoints.
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
    """Build and prepare what trains; several trials are given back with their first epoch trained.

    In it shows what they cannot do together.

    Raises:
        CheckpointError: the checkpoint is damaged, or not this trial's.
        WorkerLostError: a capture failed.
        Exception: whatever a contender raises.
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
    """Take the program to where an earlier attempt left it; gives the epochs that it has behind it.

    Raises:
        CheckpointError: the checkpoint is damaged, or not this trial's.
    """
    if checkpoint is None or len(specs) > 1:
        return ()
    read = read_checkpoint(checkpoint, specs[0].trial_id)
    restore(program, read)
    return read.epochs


class _Keeper:
    """Decides after which epoch a trial leaves a checkpoint, and makes it."""

    def __init__(
        self, program: Program, specs: Sequence[TrialSpec], begun: tuple[EpochResult, ...], every_seconds: float
    ) -> None:
        self._program = program
        self._spec = specs[0] if len(specs) == 1 and math.isfinite(every_seconds) else None
        self._every_seconds = every_seconds
        self._epochs = begun
        self._since = time.monotonic()

    def __call__(self, epoch: EpochResult) -> bytes | None:
        """The checkpoint after this epoch; None when the last one is not old enough, or nothing follows."""
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
    """The messages of trials whose epochs are trained as they are asked for; returns the exception that ended them."""
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
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a contender may raise anything, at its own cost only
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
    """Size of the model of a trial; None for a model that cannot be built: its trial will say why."""
    architecture = registry[spec.architecture]
    hyperparameters = architecture.hyperparameters.model_validate(spec.hyperparameters)
    try:
        with torch.device("meta"):
            return summarise(architecture.build(hyperparameters, shape, classes), shape)
    except (Exception, SystemExit):  # noqa: BLE001  # the trial itself fails with the reason
        return None
