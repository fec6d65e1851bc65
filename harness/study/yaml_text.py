"""Conversion between YAML 1.2 and plain values, with limits for untrusted text."""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import chain
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

MAX_BYTES = 2**20
"""Maximum size of a text. A study has a few kilobytes."""

_MAX_VALUES = 100_000  # after resolving aliases: nine lines of aliases can expand to a billion values
_MAX_DIGITS = 18


class YamlTextError(Exception):
    """The text is not valid YAML, or it exceeds a limit."""


def read_yaml(text: str) -> Any:
    """Read the plain values of one YAML document.

    Raises:
        YamlTextError: The text is not valid YAML, repeats a key, contains itself through an alias,
            or has too many values or too long numbers.

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
    # ruamel.yaml also raises errors of int, float, date and base64.
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise YamlTextError(" ".join(str(error).split())) from None


def write_yaml(value: Any) -> str:
    """Return plain values as YAML, in their order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # annotated as None
    yaml.width = 100
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue()


def _count_values(node: Node, known: dict[int, int]) -> int:
    """Return the number of values of a node after all aliases are resolved."""
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = _MAX_VALUES  # used if an alias inside the node refers to the node itself
    if node.tag == "tag:yaml.org,2002:int" and len(node.value.lstrip("+-")) > _MAX_DIGITS:
        raise YamlTextError(f"it contains a whole number with more than {_MAX_DIGITS} digits")
    inner: Iterable[Node] = node.value if isinstance(node, SequenceNode) else ()
    if isinstance(node, MappingNode):
        inner = chain(*node.value)
    total = 1 + sum(_count_values(part, known) for part in inner)
    if total > _MAX_VALUES:
        raise YamlTextError(f"it expands to more than {_MAX_VALUES:,} values in line {node.start_mark.line + 1}")
    known[id(node)] = total
    return total
