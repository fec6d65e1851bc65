"""What runs on a worker: a trial, or several as one program; their messages are handed to Tune."""

from __future__ import annotations

import contextlib
import faulthandler
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray import tune

from harness.data.dataset import SealedTest, TrainingData
from harness.errors import WorkerLostError
from harness.orchestration.scheduler import METRIC, TIME
from harness.records.messages import Message
from harness.records.trial import AskedPrecision, TrialSpec
from harness.study import load_architectures

_LEAVE_SECONDS = 30.0  # for a process that has to end


@dataclass(frozen=True)
class Placed:
    """What every trial shares, in the object store once per node; arrays from there are mapped, not copied.

    The references are not followed until they are asked for: a search trial never fetches the test split. `sources`
    are those of the user's own architectures, as workers know them.
    """

    training: ray.ObjectRef[TrainingData]
    test: ray.ObjectRef[SealedTest]
    sources: tuple[str, ...]
    precision: AskedPrecision
    checkpoint_seconds: float
    trial_timeout: float


def trainable(config: dict[str, Any], placed: Placed) -> None:
    """Run the trials of `config["specs"]` on `config["device"]`, whatever else is visible.

    Another attempt at a trial is made alone and with steps as they are written: together with others, or captured, it
    may have been what ended its worker.

    Raises:
        WorkerLostError: this process can train nothing more. Tune replaces it.
    """
    try:
        with ended_after(placed.trial_timeout) as clock:
            _run(config, placed, clock)
    except WorkerLostError:
        Deadline(_LEAVE_SECONDS).start()  # a broken device can hold up the end of its process
        raise


def _run(config: dict[str, Any], placed: Placed, clock: Deadline) -> None:
    # Workers need torch; the driver, which imports this module too, starts seconds sooner without.
    from harness.training import resolve_settings
    from harness.training.execution import Checkpoints, run_trials

    specs = [TrialSpec.model_validate(spec) for spec in config["specs"]]
    settings = resolve_settings(config["device"], config["threads"], placed.precision, config["gpus"])
    reason = "an earlier attempt lost its worker" if config["another_attempt"] and config["gpus"] else None
    settings = replace(settings, not_captured=reason)
    checkpoints = Checkpoints(placed.checkpoint_seconds, config["checkpoint"])
    training = ray.get(placed.training)
    registry = load_architectures(placed.sources)
    rounds = run_trials(specs, training, lambda: ray.get(placed.test), settings, checkpoints, reason, registry)
    with contextlib.closing(rounds):  # a trial that Tune stops gives its captured program back at once
        for messages in rounds:
            clock.stop()  # the driver may let it wait
            tune.report(as_result(messages))
            clock.start()


class Deadline:
    """Ends this process when so many seconds pass between `start` and `stop`.

    It is the interpreter's own watchdog, which no code of a model can hold up: a hung kernel, or a loop that never
    lets another thread run.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def start(self) -> None:
        """Begin to count from 0."""
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=sys.__stderr__ or 2)

    def stop(self) -> None:
        """Count no more."""
        faulthandler.cancel_dump_traceback_later()


@contextlib.contextmanager
def ended_after(seconds: float) -> Iterator[Deadline]:
    """A deadline that runs, and stops with the block."""
    clock = Deadline(seconds)
    clock.start()
    try:
        yield clock
    finally:
        clock.stop()


def as_result(messages: tuple[Message, ...]) -> dict[str, Any]:
    """Messages in the form that Tune carries: the scheduler reads two numbers of a search trial, the rest is ours."""
    epoch = messages[0].epoch if len(messages) == 1 else None
    if epoch is None:
        return {"messages": messages}
    return {"messages": messages, TIME: epoch.epoch, METRIC: epoch.validation_accuracy}
