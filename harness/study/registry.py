"""Which architectures a study can name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from architectures import BUILT_IN, Architecture, Registry
from architectures.own import OwnArchitectureError
from harness.errors import Argument, StudyError, nearest


def find_architecture(registry: Registry, name: str, where: str) -> Architecture:
    """The architecture of that name.

    Raises:
        StudyError: there is none; names the nearest.
    """
    if name not in registry:
        raise StudyError(f"{where}: there is no architecture '{name}'; {nearest(name, registry)}")
    return registry[name]


def load_architectures(sources: Iterable[str], known: Registry = BUILT_IN) -> Registry:
    """The registry with the architectures of these sources besides.

    Raises:
        StudyError: a source gives none.
    """
    try:
        return known.with_sources(sources)
    except OwnArchitectureError as error:
        raise StudyError(Argument("architecture", error)) from None


def load_architecture(source: str) -> Architecture:
    """The architecture of this source.

    Raises:
        StudyError: it gives none, or one that is called like one of the harness.
    """
    try:
        registry = BUILT_IN.with_sources([source])
    except OwnArchitectureError as error:
        raise StudyError(str(error)) from None
    return registry[next(iter(registry.loaded.values()))]


def know_by_description(described: Iterable[Mapping[str, Any]], known: Registry = BUILT_IN) -> Registry:
    """The registry with a user's own architectures whose code is not at hand: enough to parse a study and to report.

    Raises:
        StudyError: something is not the description of an architecture.
    """
    try:
        return known.with_descriptions(described)
    except ValueError as error:
        raise StudyError(f"own_architectures: {error}; restore environment.json from a copy") from None
