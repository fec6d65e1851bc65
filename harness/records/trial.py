"""Frozen types for trials: specification, result of an epoch, and final record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Scalar = bool | int | float | str

Precision = Literal["fp32", "tf32", "bf16"]
"""Precision of convolutions and matrix products. TF32, fp32 with a 10-bit mantissa, needs a GPU."""

AskedPrecision = Literal["auto", "fp32", "tf32", "bf16"]
"""Precision in a study. `auto` is resolved on the machine that runs the trial."""

NAME = r"^[A-Za-z][A-Za-z0-9_.:-]*$"
"""Pattern of architecture names. Names become part of file names: path separators are excluded."""


class Phase(StrEnum):
    """Purpose of a trial. Only the confirm phase reads the test split.

    Search compares configurations on validation data. Confirm trains the selected configuration and
    the default configuration again, with new seeds. Audit trains a sample of the search trials that
    were stopped early to their last epoch, and selects nothing.
    """

    SEARCH = "search"
    CONFIRM = "confirm"
    AUDIT = "audit"


class Status(StrEnum):
    """How a trial ended. A trial that was stopped early does not count as completed."""

    COMPLETED = "completed"
    STOPPED_EARLY = "stopped_early"
    FAILED = "failed"


class Frozen(BaseModel):
    """Base class of immutable values that reject unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TrialSpec(Frozen):
    """Specification of a trial. The identity of the trial is a hash of these fields.

    Attributes:
        phase: Search, confirm or audit.
        architecture: Name of the architecture in the registry.
        hyperparameters: All hyperparameters of the architecture, including defaults.
        seed: Seed for data order and augmentation, which it determines for every architecture
            alike. Initialisation and dropout depend on the seed and on all other fields.
        dataset: Fingerprint of the data set and its splits.
    """

    phase: Phase
    architecture: Annotated[str, Field(pattern=NAME)]
    hyperparameters: Mapping[str, Scalar]
    seed: int
    dataset: str

    @property
    def epochs(self) -> int:
        """Number of epochs if the trial is not stopped early."""
        return int(self.hyperparameters["epochs"])

    @cached_property
    def trial_id(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the specification."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def stream_id(self) -> str:
        """Identity that seeds initialisation and dropout.

        An audit trial has the same one as its search trial, so it repeats that trial exactly.
        """
        return self.in_phase(Phase.SEARCH).trial_id if self.phase is Phase.AUDIT else self.trial_id

    def differs_in_seed_only(self, other: TrialSpec) -> bool:
        """Whether another trial is equal in everything except possibly the seed."""
        return self.model_dump(exclude={"seed"}) == other.model_dump(exclude={"seed"})

    def in_phase(self, phase: Phase) -> TrialSpec:
        """Return the same specification in another phase."""
        return TrialSpec.model_validate(self.model_dump() | {"phase": phase})


def stream_seed(*parts: Scalar) -> int:
    """Derive the seed of a random stream from the purpose of the stream.

    The seed does not depend on the time, the machine or the order of calls.

    >>> stream_seed("order", 1, 2) == stream_seed("order", 1, 2) != stream_seed("order", 12)
    True
    """
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # 63 bits, which every generator accepts


class EpochResult(Frozen):
    """Result of one epoch of a trial.

    Attributes:
        epoch: Number of the epoch; the first epoch is 1.
        train_loss: Mean loss over the training images, augmented and in training mode.
        validation_loss: Mean cross-entropy over the validation images.
        validation_accuracy: Accuracy on the validation images, as a fraction.
        train_images: Images used in the epoch. The incomplete last batch is dropped; it differs in
            each epoch.
        train_seconds: Seconds of training, without validation.
        validation_seconds: Seconds of validation.
    """

    epoch: Annotated[int, Field(ge=1)]
    train_loss: float
    validation_loss: float
    validation_accuracy: Annotated[float, Field(ge=0.0, le=1.0)]
    train_images: Annotated[int, Field(ge=0)]
    train_seconds: Annotated[float, Field(ge=0.0)]
    validation_seconds: Annotated[float, Field(ge=0.0)]


class ModelSummary(Frozen):
    """Size of a model.

    Attributes:
        parameters: Number of parameters.
        macs: Multiply-adds of the forward pass of one image.
        bytes: Bytes of parameters and buffers.
    """

    parameters: int
    macs: int
    bytes: int


class Placement(Frozen):
    """Where and how a trial ran.

    Attributes:
        node: Name of the machine.
        device: `cpu` or `cuda`.
        threads: Number of CPU threads.
        precision: Precision of convolutions and matrix products.
        gpus: Fraction of a GPU, or number of GPUs, that the trial had; 0 on a CPU.
        captured: Whether training steps ran as CUDA graphs.
        not_captured: Why steps did not run as CUDA graphs on a CUDA device; otherwise None.
        together: Number of trials, including this one, that were trained at once in one process.
        not_together: Why the trial was trained alone although it could have been trained together
            with other seeds; otherwise None.
    """

    node: str
    device: str
    threads: int
    precision: Precision
    gpus: Annotated[float, Field(ge=0.0)] = 0.0
    captured: bool = False
    not_captured: str | None = None
    together: Annotated[int, Field(ge=1)] = 1
    not_together: str | None = None


class TestResult(Frozen):
    """Result on the test split: accuracy as a fraction, mean cross-entropy, number of images."""

    __test__ = False  # the name begins with Test, and pytest would collect it

    accuracy: Annotated[float, Field(ge=0.0, le=1.0)]
    loss: float
    images: int


class TrialRecord(Frozen):
    """Record of a trial that has ended: one line of the journal.

    Attributes:
        trial_id: Identity of the trial, see `TrialSpec.trial_id`.
        spec: Specification of the trial.
        status: How the trial ended.
        reason: Why the trial failed, in one sentence; None if it did not fail.
        epochs: Results of the epochs, in order; may be empty if the trial failed.
        placement: Where and how the trial ran; None if it failed before it started.
        model: Size of the model; None if the trial failed before the model was built.
        test: Result on the test split; only for completed confirm trials.
        started_at: When the last attempt was ready for its first epoch, in seconds since 1970.
        ended_at: When the trial ended, in seconds since 1970.
        attempts: Number of workers that ran the trial; more than one if a worker died.
    """

    trial_id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    spec: TrialSpec
    status: Status
    reason: str | None = None
    epochs: tuple[EpochResult, ...] = ()
    placement: Placement | None = None
    model: ModelSummary | None = None
    test: TestResult | None = None
    started_at: float
    ended_at: float
    attempts: Annotated[int, Field(ge=1)] = 1

    @property
    def train_seconds(self) -> float:
        """Seconds of training over all epochs, without validation."""
        return sum(epoch.train_seconds for epoch in self.epochs)

    @property
    def last_epoch(self) -> EpochResult | None:
        """Result of the last epoch; None if there is none."""
        return self.epochs[-1] if self.epochs else None


def flat_json(value: Mapping[str, Any]) -> str:
    """Format hyperparameters as one line of JSON with sorted keys, for comparison and tables."""
    return json.dumps(dict(value), sort_keys=True)
