"""Messages that a trial sends to the orchestration while it runs and when it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.records.trial import EpochResult, Placement, TestResult


@dataclass(frozen=True)
class Started:
    """Where a trial runs and when it was ready to start training (seconds since 1970)."""

    placement: Placement
    at: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of a confirm trial after its last epoch.

    Attributes:
        test: Result on the test split, which each trial evaluates once.
        probabilities: float32 (N, classes), in the order of the test split.
        weights: Parameters and buffers of the model as safetensors.
    """

    test: TestResult
    probabilities: NDArray[np.float32]
    weights: bytes


@dataclass(frozen=True, eq=False)
class Message:
    """A message of a trial. Exactly one of `epoch`, `outcome` and `failure` is set.

    Attributes:
        trial_id: The trial.
        started: Where and when the trial started; None if it failed before that.
        epoch: Result of the epoch that has ended.
        outcome: Result of the confirm trial that has completed.
        checkpoint: Checkpoint after this epoch, from which the trial can resume. May be set only
            together with `epoch`.
        failure: Why the trial failed.
        at: When the message was created, in seconds since 1970.
    """

    trial_id: str
    started: Started | None
    at: float
    epoch: EpochResult | None = None
    outcome: Outcome | None = None
    checkpoint: bytes | None = None
    failure: str | None = None
