"""The command `python -m harness.reference`, which prints the reference of the study file."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer
from pydantic import BaseModel
from tabulate import tabulate

from architectures import BUILT_IN, TrainingHyperparameters
from harness.study.schema import (
    DATASETS,
    ArchitectureStudy,
    AuditStudy,
    CheckpointStudy,
    ConfirmStudy,
    DatasetStudy,
    EarlyStopping,
    Resources,
    Study,
)
from harness.study.space import KINDS

SECTIONS: Mapping[str, type[BaseModel]] = {
    "": Study,
    "dataset": DatasetStudy,
    "early_stopping": EarlyStopping,
    "confirm": ConfirmStudy,
    "audit": AuditStudy,
    "checkpoint": CheckpointStudy,
    "resources": Resources,
    "architectures.NAME": ArchitectureStudy,
}
"""Type of each part of a study, by key."""

_WORDS = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "null": "null",
    "boolean": "true, false",
}


def page() -> str:
    """Return the page as Markdown."""
    parts = [
        "# The study file",
        "A study is a YAML file. Only the keys `name` and `architectures` are required; all other keys have a default. "
        "An unknown key is an error. To change the value of a key on the command line, use `--set KEY.PATH=VALUE`. "
        "This page is generated from the code by `python -m harness.reference`.",
    ]
    for key, kind in SECTIONS.items():
        title = f"## `{key}`" if key else "## Top-level keys"
        parts += [title, _first_sentences(kind), _table(study_rows(key, kind))]
        if kind is DatasetStudy:
            parts.append("Known data sets: " + ", ".join(f"`{name}`" for name in DATASETS) + ".")
    parts += [
        "## Search spaces",
        "A hyperparameter in `space` has a single value or one of the forms below. A hyperparameter that is not listed "
        "keeps its default. All grids of an architecture are combined with each other. For each grid point, `samples` "
        "configurations are drawn at random from the other forms. The first trial always has the default "
        "configuration.",
        _table([{"form": f"`{example}`", "meaning": meaning} for example, meaning in KINDS.values()]),
        "## Hyperparameters of all architectures",
        _table(hyperparameter_rows(TrainingHyperparameters, ())),
    ]
    for name in BUILT_IN:
        kind = BUILT_IN[name].hyperparameters
        parts += [f"## Hyperparameters of `{name}`", _table(hyperparameter_rows(kind, _unchanged(kind)))]
    return "\n\n".join(parts) + "\n"


def study_rows(key: str, kind: type[BaseModel]) -> list[dict[str, str]]:
    """Return a row for each key of a part of the study."""
    meanings = attributes(kind)
    schema = kind.model_json_schema()
    return [
        {
            "key": f"`{key}.{name}`" if key else f"`{name}`",
            "values": _values(field, schema.get("$defs", {})),
            "default": "(required)" if name in schema.get("required", ()) else _default(field),
            "meaning": meanings[name],
        }
        for name, field in schema["properties"].items()
    ]


def hyperparameter_rows(kind: type[TrainingHyperparameters], without: Sequence[str]) -> list[dict[str, str]]:
    """Return a row for each hyperparameter, except those in `without`."""
    schema = kind.model_json_schema()
    return [
        {
            "hyperparameter": f"`{name}`",
            "values": _values(field, {}),
            "default": _default(field),
            "meaning": field.get("description", ""),
        }
        for name, field in schema["properties"].items()
        if name not in without
    ]


def _unchanged(kind: type[TrainingHyperparameters]) -> list[str]:
    """Return the common hyperparameters whose default this architecture does not change."""
    usual = TrainingHyperparameters().model_dump()
    return [name for name, value in kind().model_dump().items() if name in usual and usual[name] == value]


def attributes(kind: type[BaseModel]) -> dict[str, str]:
    """Return the description of each attribute from the docstring of a type.

    >>> attributes(EarlyStopping)["grace_epochs"]
    'Epochs before a trial can be stopped. This is the first rung.'
    """
    text = inspect.getdoc(kind) or ""
    _, _, listed = text.partition("Attributes:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", listed, flags=re.MULTILINE)
    return {name: " ".join(meaning.split()) for name, meaning in found}


def _first_sentences(kind: type[BaseModel]) -> str:
    text, _, _ = (inspect.getdoc(kind) or "").partition("\n\nAttributes:")
    return text


def _values(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return a description of the values that a field of a JSON schema allows."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_values(one, definitions) for one in field["anyOf"]))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "$ref" in field or "allOf" in field:
        return "see below"
    kind = field.get("type", "any")
    if kind == "array":
        return f"list of {_values(field['items'], definitions)}"
    if kind == "object":
        return "see below"
    return _WORDS.get(str(kind), str(kind)) + " and".join(_bounds(field))


def _bounds(field: Mapping[str, Any]) -> Iterator[str]:
    for key, sign in (("minimum", " ≥ "), ("exclusiveMinimum", " > "), ("maximum", " ≤ "), ("exclusiveMaximum", " < ")):
        if key in field:
            yield f"{sign}{field[key]:,}"


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    if isinstance(value, dict) or (isinstance(value, list) and not value):
        return ""
    if value in (None, ""):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    return str(tabulate([list(row.values()) for row in rows], list(rows[0]), tablefmt="pipe", disable_numparse=True))


def command() -> None:
    """Print the reference of the study file as Markdown."""
    typer.echo(page(), nl=False)


if __name__ == "__main__":
    command()
