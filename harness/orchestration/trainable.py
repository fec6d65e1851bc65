"""What runs on a worker: a trial, or several as one program; their messages are handed to Tune."""

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
    """Run the trials of `config["specs"]`; the device is what they were given, whatever else is visible."""
    # Workers need torch; the driver, which imports this module too, starts seconds sooner without.
    from harness.execution import run_trials
    from harness.training import resolve_settings

    specs = [TrialSpec.model_validate(spec) for spec in config["specs"]]
    settings = resolve_settings(placed.device, placed.threads, placed.precision)

    for messages in run_trials(specs, ray.get(placed.training), lambda: ray.get(placed.test), settings):
        tune.report(as_result(messages))


def as_result(messages: tuple[Message, ...]) -> dict[str, Any]:
    """Messages in the form that Tune carries: the scheduler reads two numbers of a search trial, the rest is ours."""
    epoch = messages[0].epoch if len(messages) == 1 else None
    if epoch is None:
        return {"messages": messages}
    return {"messages": messages, TIME: epoch.epoch, METRIC: epoch.validation_accuracy}
