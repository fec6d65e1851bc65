"""The Tune trainable: runs one or several trials on a worker and reports their messages."""

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

_LEAVE_SECONDS = 30.0  # before a process that should end is killed


@dataclass(frozen=True)
class Placed:
    """Data and settings that all trials share.

    The data lie in the object store, once per node. Workers map the arrays instead of copying them.

    Attributes:
        training: Reference to the training and validation splits.
        test: Reference to the test split. Search trials never fetch it.
        sources: Sources of the user's architectures, as workers can import them.
        precision: Precision set in the study.
        checkpoint_seconds: Minimum seconds between two checkpoints.
        trial_timeout: Seconds without any message before a trial is killed.
    """

    training: ray.ObjectRef[TrainingData]
    test: ray.ObjectRef[SealedTest]
    sources: tuple[str, ...]
    precision: AskedPrecision
    checkpoint_seconds: float
    trial_timeout: float


def trainable(config: dict[str, Any], placed: Placed) -> None:
    """Run the trials of `config["specs"]` on `config["device"]`.

    A retried trial runs alone and without captured graphs, because training together with others or
    a captured graph may have killed its worker.

    Raises:
        WorkerLostError: This process cannot train any more. Tune replaces it.
    """
    try:
        with ended_after(placed.trial_timeout) as clock:
            _run(config, placed, clock)
    except WorkerLostError:
        Deadline(_LEAVE_SECONDS).start()  # a broken device can keep the process from ending
        raise


def _run(config: dict[str, Any], placed: Placed, clock: Deadline) -> None:
    # Imported here because only workers need torch. The driver starts seconds sooner without it.
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
    with contextlib.closing(rounds):  # a trial that Tune stops releases its captured graph at once
        for messages in rounds:
            clock.stop()  # waiting for the driver does not count
            tune.report(as_result(messages))
            clock.start()


class Deadline:
    """Watchdog that kills this process if `stop` is not called within `seconds` after `start`.

    It uses the watchdog thread of the interpreter (`faulthandler`). This thread runs even if a
    kernel hangs or a loop of the model never releases the interpreter.

    Args:
        seconds: Seconds between `start` and the end of the process.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def start(self) -> None:
        """Start counting from zero."""
        faulthandler.dump_traceback_later(self._seconds, exit=True, file=sys.__stderr__ or 2)

    def stop(self) -> None:
        """Stop counting."""
        faulthandler.cancel_dump_traceback_later()


@contextlib.contextmanager
def ended_after(seconds: float) -> Iterator[Deadline]:
    """Start a deadline that stops when the block ends."""
    clock = Deadline(seconds)
    clock.start()
    try:
        yield clock
    finally:
        clock.stop()


def as_result(messages: tuple[Message, ...]) -> dict[str, Any]:
    """Return messages as a Tune result, with the values that the scheduler reads."""
    epoch = messages[0].epoch if len(messages) == 1 else None
    if epoch is None:
        return {"messages": messages}
    return {"messages": messages, TIME: epoch.epoch, METRIC: epoch.validation_accuracy}
