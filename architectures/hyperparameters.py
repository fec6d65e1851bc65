"""Training hyperparameters, which every architecture has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

AugmentationName = Literal["none", "shift", "affine", "elastic"]

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Epochs = Annotated[int, Field(ge=1, le=10_000, description="number of passes over the training images")]
BatchSize = Annotated[int, Field(ge=1, le=65_536, description="number of images per optimizer step")]
OptimizerName = Annotated[
    Literal["sgd", "adam", "adamw"], Field(description="optimizer; sgd uses Nesterov momentum 0.9")
]
LearningRate = Annotated[float, Field(gt=0.0, le=100.0, description="peak learning rate of the schedule")]
WeightDecay = Annotated[
    float, Field(ge=0.0, le=10.0, description="weight decay; not applied to biases and normalisation layers")
]
ScheduleName = Annotated[
    Literal["constant", "cosine", "one_cycle"],
    Field(description="change of the learning rate during training; one_cycle starts with a warm-up"),
]
LabelSmoothing = Annotated[Fraction, Field(description="share of the target that is spread over all classes")]
Augmentation = Annotated[AugmentationName, Field(description="random augmentation of each training image")]


class TrainingHyperparameters(BaseModel):
    """Training hyperparameters.

    An architecture can use a subclass to add hyperparameters and to change defaults. Instances are
    frozen, and an unknown hyperparameter raises `pydantic.ValidationError`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    epochs: Epochs = 8
    batch_size: BatchSize = 128
    optimizer: OptimizerName = "adamw"
    learning_rate: LearningRate = 5e-3
    weight_decay: WeightDecay = 0.01
    schedule: ScheduleName = "one_cycle"
    label_smoothing: LabelSmoothing = 0.0
    augmentation: Augmentation = "affine"

    @classmethod
    def of(cls, hyperparameters: Mapping[str, Any]) -> Self:
        """Select the training hyperparameters from all hyperparameters of a trial."""
        return cls.model_validate({name: hyperparameters[name] for name in cls.model_fields})
