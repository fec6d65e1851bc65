"""Finding and loading the architectures that a study can name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from architectures import BUILT_IN, Architecture, Registry
from architectures.own import OwnArchitectureError
from harness.errors import Argument, StudyError, nearest


def find_architecture(registry: Registry, name: str, where: str) -> Architecture:
    """Return the architecture with this name.

    Raises:
        StudyError: There is none. The message suggests a similar name.
    """
    if name not in registry:
        raise StudyError(f"{where}: unknown architecture '{name}'; {nearest(name, registry)}")
    return registry[name]


def load_architectures(sources: Iterable[str], known: Registry = BUILT_IN) -> Registry:
    """Return the registry with the architectures from these sources added.

    Raises:
        StudyError: A source does not contain an architecture.
    """
    try:
        return known.with_sources(sources)
    except OwnArchitectureError as error:
        raise StudyError(Argument("architecture", error)) from None


def load_architecture(source: str) -> Architecture:
    """Return the architecture from this source.

    Raises:
        StudyError: The source contains none, or one with the name of a built-in architecture.
    """
    try:
        registry = BUILT_IN.with_sources([source])
    except OwnArchitectureError as error:
        raise StudyError(str(error)) from None
    return registry[next(iter(registry.loaded.values()))]


def know_by_description(described: Iterable[Mapping[str, Any]], known: Registry = BUILT_IN) -> Registry:
    """Return the registry with the user's architectures added by description, without code.

    Descriptions are enough to parse a study and to write a report.

    Raises:
        StudyError: A value is not the description of an architecture.
    """
    try:
        return known.with_descriptions(described)
    except ValueError as error:
        raise StudyError(f"own_architectures: {error}; restore environment.json from a copy") from None
