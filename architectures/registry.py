"""The registry of architectures, an immutable value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from architectures.advanced_cnn import ADVANCED_CNN
from architectures.advanced_mlp import ADVANCED_MLP
from architectures.architecture import Architecture
from architectures.lenet5 import LENET5
from architectures.mlp import MLP
from architectures.own.described import is_stand_in, stand_in
from architectures.own.errors import OwnArchitectureError
from architectures.own.sources import absolute, load
from architectures.simple_cnn import SIMPLE_CNN


@dataclass(frozen=True, eq=False)
class Registry(Mapping[str, Architecture]):
    """Architectures by name, in the order of the reports.

    Attributes:
        architectures: Architectures by name.
        loaded: Names of the user's architectures, by the source that each was loaded from.
    """

    architectures: Mapping[str, Architecture]
    loaded: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("architectures", "loaded"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __getitem__(self, name: str) -> Architecture:
        return self.architectures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.architectures)

    def __len__(self) -> int:
        return len(self.architectures)

    def with_sources(self, sources: Iterable[str]) -> Registry:
        """Return a registry that also contains the architectures of these sources.

        Loading an architecture runs its code.

        Args:
            sources: Sources for `architectures.own.load`.

        Raises:
            OwnArchitectureError: If a source does not provide an architecture, or the name of its
                architecture is used already.
        """
        architectures, loaded = dict(self.architectures), dict(self.loaded)
        for source in map(absolute, sources):
            architecture = load(source)
            known = architectures.get(architecture.name)
            if known is not None and not is_stand_in(known) and loaded.get(source) != architecture.name:
                raise OwnArchitectureError(
                    f"{source}: another architecture has the name '{architecture.name}'; choose a different name"
                )
            architectures[architecture.name] = architecture
            loaded[source] = architecture.name
        return Registry(architectures, loaded)

    def with_descriptions(self, described: Iterable[Mapping[str, Any]]) -> Registry:
        """Return a registry that also contains stand-ins for described architectures.

        A stand-in has the description of an architecture, but no code. It does not replace an
        architecture of the same name.

        Raises:
            ValueError: If a value is not the description of an architecture.
        """
        stand_ins = {architecture.name: architecture for architecture in map(stand_in, described)}
        return Registry(dict(self.architectures) | {n: a for n, a in stand_ins.items() if n not in self}, self.loaded)


BUILT_IN = Registry({one.name: one for one in (SIMPLE_CNN, ADVANCED_CNN, LENET5, ADVANCED_MLP, MLP)})
"""The built-in architectures."""
