"""Descriptions of architectures, for use without their code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import create_model

from architectures.architecture import Architecture
from architectures.hyperparameters import TrainingHyperparameters
from architectures.own.errors import OwnArchitectureError

if TYPE_CHECKING:
    from torch import nn


def description(architecture: Architecture) -> dict[str, Any]:
    """Describe an architecture with plain values, so that a report needs no code of it."""
    return {
        "name": architecture.name,
        "title": architecture.title,
        "summary": architecture.summary,
        "convolutional": architecture.convolutional,
        "reference": architecture.reference,
        "hyperparameters": architecture.hyperparameters().model_dump(mode="json"),
    }


def stand_in(described: Mapping[str, Any]) -> Architecture:
    """Make an architecture from its description; its model cannot be built.

    Raises:
        ValueError: If the value is not a description of an architecture.
    """
    try:
        texts = {key: str(described[key]) for key in ("name", "title", "summary", "reference")}
        convolutional = bool(described["convolutional"])
        defaults = {str(key): (Any, value) for key, value in dict(described["hyperparameters"]).items()}
        fields: Any = {
            name: field for name, field in defaults.items() if name not in TrainingHyperparameters.model_fields
        }
        own = {name: value for name, (_, value) in defaults.items() if name in TrainingHyperparameters.model_fields}
        inherited: Any = {
            name: (TrainingHyperparameters.model_fields[name].annotation, value) for name, value in own.items()
        }
        hyperparameters = create_model("Described", __base__=TrainingHyperparameters, **inherited, **fields)
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is not the description of an architecture: {error!r}") from None
    return Architecture(
        name=texts["name"],
        title=texts["title"],
        summary=texts["summary"],
        reference=texts["reference"],
        convolutional=convolutional,
        hyperparameters=hyperparameters,
        build=_NotAtHand(texts["name"]),
    )


class _NotAtHand:
    """Placeholder for the function that builds a model."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *_: object) -> nn.Module:
        """Raise an error, because the code is not loaded.

        Raises:
            OwnArchitectureError: Always.
        """
        raise OwnArchitectureError(f"the code of your architecture '{self._name}' is not loaded; name its source again")


def is_stand_in(architecture: Architecture) -> bool:
    """Whether an architecture was made from a description only."""
    return isinstance(architecture.build, _NotAtHand)
