"""One trial from start to end, as a stream of messages; what carries them is not its business."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator

import torch

from architectures import ARCHITECTURES
from harness.data.dataset import SealedTest, TrainingData
from harness.errors import describe
from harness.evaluation import evaluate
from harness.messages import Message, Outcome, Started
from harness.training import Settings, TrainingDivergedError, build_model, resident, summarise, train
from harness.training.model import weights
from harness.trial import ModelSummary, Phase, Placement, TrialSpec


def run_trial(
    spec: TrialSpec, data: TrainingData, open_test: Callable[[], SealedTest], settings: Settings
) -> Iterator[Message]:
    """Build, train and, in the confirm phase, test a model; nothing that the model does wrong gets out of here.

    Args:
        spec: what to do.
        data: training and validation images.
        open_test: fetches the sealed test split; called in the confirm phase only, after the last epoch.
        settings: device, threads and precision.

    Yields:
        A message for each epoch, then the outcome of a confirm trial; or a failure, as the last one.
    """
    started = None
    try:
        model = build_model(spec, data.shape, len(data.classes))
        placement = Placement(
            node=platform.node(),
            device=settings.device,
            threads=settings.threads,
            precision=settings.precision,
        )
        started = Started(placement, time.time())
        on_device = resident(data, settings.device)
        for epoch in train(model, spec, on_device, settings):
            yield Message(started, time.time(), epoch=epoch)
        if spec.phase is Phase.CONFIRM:
            test = open_test().open(spec.phase)
            result, probabilities = evaluate(model, test, on_device.normaliser, settings)
            outcome = Outcome(result, probabilities, weights(model))
            yield Message(started, time.time(), outcome=outcome)
    except TrainingDivergedError as error:
        yield Message(started, time.time(), failure=f"diverged: {error}")
    except Exception as error:  # noqa: BLE001  # a contender may raise anything, and must cost its own trial only
        yield Message(started, time.time(), failure=describe(error))


def summary_of(spec: TrialSpec, data: TrainingData) -> ModelSummary | None:
    """Size of the model of a trial; None for a model that cannot be built: its trial will say why."""
    hyperparameters = ARCHITECTURES[spec.architecture].hyperparameters.model_validate(spec.hyperparameters)
    try:
        with torch.device("meta"):
            model = ARCHITECTURES[spec.architecture].build(hyperparameters, data.shape, len(data.classes))
            return summarise(model, data.shape)
    except Exception:  # noqa: BLE001  # the trial itself fails with the reason
        return None
