"""What a trial tells the one who ordered it, while it runs and when it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.records.trial import EpochResult, Placement, TestResult


@dataclass(frozen=True)
class Started:
    """The trial has a model and can begin: where it runs, and when (seconds since 1970)."""

    placement: Placement
    at: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a confirm trial gives after its last epoch.

    Attributes:
        test: the one look at the test split.
        probabilities: float32 (N, classes), in the test split's own order.
        weights: the model's parameters and buffers as safetensors.
    """

    test: TestResult
    probabilities: NDArray[np.float32]
    weights: bytes


@dataclass(frozen=True, eq=False)
class Message:
    """News of a trial; exactly one of `epoch`, `outcome` and `failure` is set.

    Attributes:
        trial_id: whose news this is.
        started: how it began; None when it failed before that.
        epoch: an epoch has ended.
        outcome: a confirm trial has ended, and this is what it gave.
        checkpoint: from which the trial can go on after this epoch; with an epoch only.
        failure: the trial has ended without a result, for this reason.
        at: seconds since 1970.
    """

    trial_id: str
    started: Started | None
    at: float
    epoch: EpochResult | None = None
    outcome: Outcome | None = None
    checkpoint: bytes | None = None
    failure: str | None = None
