"""YAML 1.2 to plain values and back."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import chain
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

MAX_BYTES = 2**20
"""Of a text; a study has a few kilobytes."""

_MAX_VALUES = 100_000  # with every alias followed: nine lines of aliases can stand for a billion values
_MAX_DIGITS = 18


class YamlTextError(Exception):
    """The text is not YAML, or holds what no study needs; the message says which in a phrase."""


def read_yaml(text: str) -> Any:
    """The plain values of one YAML document.

    Raises:
        YamlTextError: it is not YAML, names a key twice, contains itself, or stands for more values or longer
            numbers than any study has.

    >>> read_yaml("a: {grid: [1, 2e-3]}")
    {'a': {'grid': [1, 0.002]}}
    """
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
        if node is None:
            return None
        _count_values(node, {})
        return yaml.constructor.construct_document(node)
    except RecursionError:
        raise YamlTextError("it is nested too deeply") from None
    except MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise YamlTextError(" ".join(f"{error.problem}{line}".split())) from None
    # Beside its own errors, ruamel.yaml lets those of int, float, date and base64 through.
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise YamlTextError(" ".join(str(error).split())) from None


def write_yaml(value: Any) -> str:
    """Plain values as YAML, in their order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # annotated as None
    yaml.width = 100
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue()


def _count_values(node: Node, known: dict[int, int]) -> int:
    """How many values a node stands for, with every alias in it followed."""
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = _MAX_VALUES  # for an alias in it that stands for the node itself
    if node.tag == "tag:yaml.org,2002:int" and len(node.value.lstrip("+-")) > _MAX_DIGITS:
        raise YamlTextError(f"it holds a whole number of more than {_MAX_DIGITS} digits")
    inner: Iterable[Node] = node.value if isinstance(node, SequenceNode) else ()
    if isinstance(node, MappingNode):
        inner = chain(*node.value)
    total = 1 + sum(_count_values(part, known) for part in inner)
    if total > _MAX_VALUES:
        raise YamlTextError(f"it stands for more than {_MAX_VALUES:,} values in line {node.start_mark.line + 1}")
    known[id(node)] = total
    return total
