"""YAML to plain values, with what YAML would let pass in silence refused."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import yaml

MAX_BYTES = 2**20
"""Of a text; a study has a few kilobytes."""

_MAX_NODES = 100_000  # values after every alias is followed: nine lines of aliases can stand for a billion
_MAX_INTEGER = 2**63


class YamlTextError(ValueError):
    """The text is not YAML, or holds what no study needs; the message says which in a phrase."""


class _Loader(yaml.SafeLoader):
    """Makes plain values only, and none of two equal keys the loser."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise YamlTextError(f"the key {key!r} stands twice in line {key_node.start_mark.line + 1} and above it")
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(text: str) -> Any:
    """The plain values of one YAML document.

    Raises:
        YamlTextError: it is not YAML, names a key twice, contains itself, or stands for more values or longer
            numbers than any study has.

    >>> read_yaml("a: {grid: [1, 2]}")
    {'a': {'grid': [1, 2]}}
    """
    try:
        value = _construct(text)
    except YamlTextError:
        raise
    except RecursionError:
        raise YamlTextError("it is nested too deeply") from None
    # Beside its own errors, PyYAML lets those of int, float, date and base64 through.
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise YamlTextError(" ".join(str(error).split())) from None
    if any(abs(number) >= _MAX_INTEGER for number in _integers(value)):
        raise YamlTextError("it holds a whole number of more than 18 digits")
    return value


def _construct(text: str) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, {})
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _count(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node stands for, with every alias in it followed."""
    if id(node) in known:
        if known[id(node)] == 0:
            raise YamlTextError(f"the alias in line {node.start_mark.line + 1} contains itself")
        return known[id(node)]
    known[id(node)] = 0
    inner: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        inner = node.value
    elif isinstance(node, yaml.MappingNode):
        inner = [part for pair in node.value for part in pair]
    total = 1 + sum(_count(part, known) for part in inner)
    if total > _MAX_NODES:
        raise YamlTextError(f"it stands for more than {_MAX_NODES:,} values")
    known[id(node)] = total
    return total


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _integers(key)
            yield from _integers(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from _integers(inner)
