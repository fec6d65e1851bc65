"""What runs on a worker: one trial, its messages handed to Tune."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import ray
from ray import tune

from harness.data.dataset import SealedTest, TrainingData
from harness.messages import Message
from harness.orchestration.scheduler import METRIC, TIME
from harness.trial import TrialSpec


@dataclass(frozen=True)
class Placed:
    """What every trial shares, in the object store once per node; arrays from there are mapped, not copied.

    The references are not followed until they are asked for: a search trial never fetches the test split.
    """

    training: ray.ObjectRef[TrainingData]
    test: ray.ObjectRef[SealedTest]
    device: Literal["cpu", "cuda"]
    threads: int
    precision: Literal["auto", "fp32", "bf16"]


def trainable(config: dict[str, Any], placed: Placed) -> None:
    """Run the trial of `config["spec"]`; the device is what the trial was given, whatever else is visible."""
    # Workers need torch; the driver, which imports this module too, starts seconds sooner without.
    from harness.execution import run_trial
    from harness.training import resolve_settings

    spec = TrialSpec.model_validate(config["spec"])
    settings = resolve_settings(placed.device, placed.threads, placed.precision)

    for message in run_trial(spec, ray.get(placed.training), lambda: ray.get(placed.test), settings):
        tune.report(as_result(message))


def as_result(message: Message) -> dict[str, Any]:
    """A message in the form that Tune carries: the scheduler reads two numbers of it, the rest is ours."""
    if message.epoch is None:
        return {"message": message}
    return {
        "message": message,
        TIME: message.epoch.epoch,
        METRIC: message.epoch.validation_accuracy,
    }
