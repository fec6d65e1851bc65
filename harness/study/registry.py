"""Which architectures there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from architectures import ARCHITECTURES, Architecture
from architectures.own import OwnArchitectureError, is_stand_in, register, stand_in
from harness.errors import StudyError, nearest


def find_architecture(name: str, where: str) -> Architecture:
    """The architecture of that name.

    Raises:
        StudyError: there is none; names the nearest.
    """
    if name not in ARCHITECTURES:
        raise StudyError(f"{where}: there is no architecture '{name}'; {nearest(name, ARCHITECTURES)}")
    return ARCHITECTURES[name]


def add_architectures(sources: Iterable[str]) -> list[str]:
    """Names of the architectures of these sources, known from here on to this process and to those that it starts.

    Raises:
        StudyError: a source gives none.
    """
    try:
        return [register(source, ARCHITECTURES).name for source in sources]
    except OwnArchitectureError as error:
        raise StudyError(f"--architecture {error}") from None


def know_by_description(described: Iterable[Mapping[str, Any]]) -> None:
    """Have studies parse, and reports be written, that name a user's own architectures whose code is not at hand.

    Raises:
        StudyError: something is not the description of an architecture.
    """
    try:
        for one in described:
            architecture = stand_in(one)
            # Of two runs, the stand-in is that of the one that is looked at.
            if architecture.name not in ARCHITECTURES or is_stand_in(ARCHITECTURES[architecture.name]):
                ARCHITECTURES[architecture.name] = architecture
    except ValueError as error:
        raise StudyError(f"own_architectures: {error}; restore environment.json from a copy") from None
