"""Trials from start to end, as a stream of messages; what carries them is not its business."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import nn

from architectures import ARCHITECTURES, InputShape
from harness.data.dataset import SealedTest, TrainingData
from harness.errors import describe
from harness.evaluation import evaluate
from harness.messages import Message, Outcome, Started
from harness.training import (
    CheckpointError,
    Settings,
    TrainingDivergedError,
    build_model,
    prepare,
    read_checkpoint,
    resident,
    restore,
    save_checkpoint,
    summarise,
    train_together,
)
from harness.training.model import weights
from harness.training.program import Program
from harness.training.resident import Normaliser
from harness.trial import EpochResult, ModelSummary, Phase, Placement, TrialSpec


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
) -> Iterator[Message]:
    """Build, train and, in the confirm phase, test a model; nothing that the model does wrong gets out of here.

    Args:
        spec: what to do.
        data: training and validation images.
        open_test: fetches the sealed test split; called in the confirm phase only, after the last epoch.
        settings: device, threads and precision.
        checkpoints: what it begins from, and leaves.

    Yields:
        A message for each epoch, then the outcome of a confirm trial; or a failure, as the last one. A trial that
        begins from a checkpoint first repeats the messages of the epochs that it has behind it.
    """
    for messages in run_trials([spec], data, open_test, settings, checkpoints):
        yield from messages


def run_trials(
    specs: Sequence[TrialSpec],
    data: TrainingData,
    open_test: Callable[[], SealedTest],
    settings: Settings,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
) -> Iterator[tuple[Message, ...]]:
    """Trials that differ in nothing but the seed, trained as one program; one after the other where that cannot be.

    Args:
        specs: what to do.
        data: training and validation images.
        open_test: fetches the sealed test split; called in the confirm phase only, after the last epoch.
        settings: device, threads and precision.
        checkpoints: what a trial alone begins from, and leaves; trials together do neither.

    Yields:
        What there is to say after each epoch and at the end, of every trial that has not ended: see `run_trial`.
    """
    try:
        models = [build_model(spec, data.shape, len(data.classes)) for spec in specs]
        on_device = resident(data, settings.device)
        program = prepare(models, specs, on_device, settings)
        begun = _begin(program, specs, checkpoints.begin_from)
        started = Started(_placement(program, len(specs), settings), time.time())
        epochs = train_together(program, models, specs, on_device, settings, len(begun))
        if len(specs) > 1:
            epochs = chain([next(epochs)], epochs)  # what they cannot do together shows in their first epoch
    except CheckpointError:
        # A checkpoint only saves time: what it would have given is trained again.
        yield from run_trials(specs, data, open_test, settings, replace(checkpoints, begin_from=None))
        return
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a contender may raise anything, at its own cost only
        if len(specs) == 1:
            yield (Message(specs[0].trial_id, None, time.time(), failure=describe(error)),)
            return
        # They draw random numbers of their own, look at their own values, or need too much memory together.
        for spec in specs:
            yield from run_trials([spec], data, open_test, settings, checkpoints)
        return
    keep = _Keeper(program, specs, begun, checkpoints.every_seconds)
    for epoch in begun:
        yield (Message(specs[0].trial_id, started, time.time(), epoch=epoch),)
    yield from _tell(epochs, models, specs, on_device.normaliser, open_test, settings, started, keep)


def _begin(program: Program, specs: Sequence[TrialSpec], checkpoint: bytes | None) -> tuple[EpochResult, ...]:
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


def _placement(program: Program, together: int, settings: Settings) -> Placement:
    return Placement(
        node=platform.node(),
        device=settings.device,
        threads=settings.threads,
        precision=settings.precision,
        captured=program.captured,
        together=together,
    )


def _tell(
    epochs: Iterable[tuple[EpochResult | TrainingDivergedError, ...]],
    models: Sequence[nn.Module],
    specs: Sequence[TrialSpec],
    normaliser: Normaliser,
    open_test: Callable[[], SealedTest],
    settings: Settings,
    started: Started,
    keep: _Keeper,
) -> Iterator[tuple[Message, ...]]:
    """The messages of trials whose epochs are trained as they are asked for."""
    running = {spec.trial_id: model for spec, model in zip(specs, models, strict=True)}
    try:
        for results in epochs:
            messages = []
            for spec, result in zip(specs, results, strict=True):
                if spec.trial_id not in running:
                    continue
                if isinstance(result, TrainingDivergedError):
                    del running[spec.trial_id]
                    failure = f"diverged: {result}"
                    messages.append(Message(spec.trial_id, started, time.time(), failure=failure))
                else:
                    kept = keep(result)
                    messages.append(Message(spec.trial_id, started, time.time(), epoch=result, checkpoint=kept))
            yield tuple(messages)
            if not running:
                return
        if specs[0].phase is Phase.CONFIRM:
            test = open_test().open(specs[0].phase)
            for trial_id, model in list(running.items()):
                evaluated, probabilities = evaluate(model, test, normaliser, settings)
                outcome = Outcome(evaluated, probabilities, weights(model))
                del running[trial_id]
                yield (Message(trial_id, started, time.time(), outcome=outcome),)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a contender may raise anything, at its own cost only
        failure = describe(error)
        yield tuple(Message(trial_id, started, time.time(), failure=failure) for trial_id in running)


def summary_of(spec: TrialSpec, shape: InputShape, classes: int) -> ModelSummary | None:
    """Size of the model of a trial; None for a model that cannot be built: its trial will say why."""
    hyperparameters = ARCHITECTURES[spec.architecture].hyperparameters.model_validate(spec.hyperparameters)
    try:
        with torch.device("meta"):
            return summarise(ARCHITECTURES[spec.architecture].build(hyperparameters, shape, classes), shape)
    except (Exception, SystemExit):  # noqa: BLE001  # the trial itself fails with the reason
        return None


def summaries_of(specs: Sequence[TrialSpec], shape: InputShape, classes: int) -> list[ModelSummary | None]:
    """Sizes of the models of trials, in their order."""
    return [summary_of(spec, shape, classes) for spec in specs]
