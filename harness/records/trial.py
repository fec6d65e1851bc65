"""The unit of work as frozen values: what a trial is, what an epoch of it gave, how it ended."""

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
"""Of convolutions and matrix products. TF32 is fp32 with a mantissa of 10 bits, and exists on GPUs alone."""

AskedPrecision = Literal["auto", "fp32", "tf32", "bf16"]
"""What a study asks for; `auto` is decided where a trial runs."""

NAME = r"^[A-Za-z][A-Za-z0-9_.:-]*$"
"""Pattern of an architecture's name, which becomes part of file names: it cannot lead out of a folder."""


class Phase(StrEnum):
    """What a trial is for; only confirm opens the test set.

    Search compares configurations on validation data. Confirm retrains the selected one, and the default one beside
    it, with fresh seeds. Audit finishes search trials that early stopping ended, and selects nothing.
    """

    SEARCH = "search"
    CONFIRM = "confirm"
    AUDIT = "audit"


class Status(StrEnum):
    """How a trial ended. A trial that early stopping ended is not a completed one."""

    COMPLETED = "completed"
    STOPPED_EARLY = "stopped_early"
    FAILED = "failed"


class Frozen(BaseModel):
    """A value: it never changes, and it has no field but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TrialSpec(Frozen):
    """What a trial does; its identity is a hash of exactly this.

    Attributes:
        phase: search, confirm or audit.
        architecture: name in the registry.
        hyperparameters: every hyperparameter of the architecture, defaults included.
        seed: of the data order and the augmentation stream, the same for every architecture;
            with the rest of the specification, also of initialisation and dropout.
        dataset: fingerprint of the data and of its split.
    """

    phase: Phase
    architecture: Annotated[str, Field(pattern=NAME)]
    hyperparameters: Mapping[str, Scalar]
    seed: int
    dataset: str

    @property
    def epochs(self) -> int:
        """Passes over the training images, when nothing stops the trial."""
        return int(self.hyperparameters["epochs"])

    @cached_property
    def trial_id(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the specification."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def stream_id(self) -> str:
        """What initialisation and dropout are drawn from: an audit trial repeats its search trial, bit for bit."""
        return self.in_phase(Phase.SEARCH).trial_id if self.phase is Phase.AUDIT else self.trial_id

    def differs_in_seed_only(self, other: TrialSpec) -> bool:
        """Whether another trial does the same with another seed, or the same seed."""
        return self.model_dump(exclude={"seed"}) == other.model_dump(exclude={"seed"})

    def in_phase(self, phase: Phase) -> TrialSpec:
        """The same work in another phase."""
        return TrialSpec.model_validate(self.model_dump() | {"phase": phase})


def stream_seed(*parts: Scalar) -> int:
    """Seed of a random stream, from what the stream is for; never from when or where it is drawn.

    >>> stream_seed("order", 1, 2) == stream_seed("order", 1, 2) != stream_seed("order", 12)
    True
    """
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # 63 bits: what every generator accepts


class EpochResult(Frozen):
    """One epoch of a trial.

    Attributes:
        epoch: from 1.
        train_loss: mean over the images it trained on, as they were seen (augmented, in training mode).
        validation_loss: mean cross-entropy over the validation images.
        validation_accuracy: fraction of the validation images.
        train_images: how many the epoch trained on: all that fill whole batches; its order leaves out others
            than the next one's.
        train_seconds: training alone, validation excluded.
        validation_seconds: validation alone.
    """

    epoch: Annotated[int, Field(ge=1)]
    train_loss: float
    validation_loss: float
    validation_accuracy: Annotated[float, Field(ge=0.0, le=1.0)]
    train_images: Annotated[int, Field(ge=0)]
    train_seconds: Annotated[float, Field(ge=0.0)]
    validation_seconds: Annotated[float, Field(ge=0.0)]


class ModelSummary(Frozen):
    """Size of a model: parameters, multiply-adds of the forward pass of one image, bytes of its weights."""

    parameters: int
    macs: int
    bytes: int


class Placement(Frozen):
    """Where a trial ran and how.

    Attributes:
        node: the machine.
        device: `cpu` or `cuda`.
        threads: of the CPU computations.
        precision: of convolutions and matrix products.
        gpus: share of a GPU that it was given, above 1 for several; 0 on a CPU.
        captured: whether its steps ran as captured CUDA graphs.
        not_captured: why they did not, on a CUDA device; None on any other.
        together: how many trials one program trained at once, this one included.
        not_together: why it was trained alone although other seeds were to be trained with it.
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
    """The one look at the test split: accuracy as a fraction, mean cross-entropy, number of images."""

    __test__ = False  # the name begins with Test, and pytest would collect it

    accuracy: Annotated[float, Field(ge=0.0, le=1.0)]
    loss: float
    images: int


class TrialRecord(Frozen):
    """How a trial ended: one line of the journal.

    Attributes:
        trial_id: of the specification.
        spec: what was asked.
        status: how it ended.
        reason: why it failed, in a sentence; None unless it failed.
        epochs: what it gave, in order; may be empty when it failed.
        placement: where it ran; None when it failed before it knew.
        model: size of the model; None when it failed before it was built.
        test: of a completed confirm trial only.
        started_at: seconds since 1970 when its first epoch could begin, in its last attempt.
        ended_at: seconds since 1970 when it ended.
        attempts: how many workers it was given: more than one where a worker died.
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
        """Seconds of training alone, over all its epochs."""
        return sum(epoch.train_seconds for epoch in self.epochs)

    @property
    def last_epoch(self) -> EpochResult | None:
        """What it gave last; None when it gave nothing."""
        return self.epochs[-1] if self.epochs else None


def flat_json(value: Mapping[str, Any]) -> str:
    """Hyperparameters in one stable line, for comparison and for tables."""
    return json.dumps(dict(value), sort_keys=True)
