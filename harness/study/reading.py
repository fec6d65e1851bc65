"""Studies from YAML, and back."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from architectures import BUILT_IN, Registry
from harness.errors import Argument, StudyError, nearest
from harness.study.schema import DATASETS, Study
from harness.study.yaml_text import MAX_BYTES, YamlTextError, read_yaml, write_yaml

SHIPPED = ("default", "smoke", "full", "speedrun")


def own_or_known(data: str) -> dict[str, Any]:
    """The `dataset` of a study that the name or the path of images stands for: a tenth of the images validates.

    Raises:
        StudyError: there is neither.
    """
    if data in DATASETS:
        return {"name": data, "validation_size": 0.1}
    if not Path(data).exists():
        raise StudyError(
            Argument("data", data),
            f": there is no such file or folder, and no data set of that name; {nearest(data, DATASETS)}",
        )
    return {"path": str(Path(data).absolute()), "validation_size": 0.1}


@dataclass(frozen=True)
class Override:
    """One value of a study that is changed."""

    path: tuple[str, ...]
    value: Any

    @classmethod
    def parse(cls, text: str) -> Override:
        """Read `key.path=value`, the value as YAML.

        >>> Override.parse("confirm.seeds=3")
        Override(path=('confirm', 'seeds'), value=3)
        """
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise StudyError(Argument("set", text, text), ": expected key.path=value, for instance confirm.seeds=3")
        try:
            return cls(tuple(key.split(".")), read_yaml(value))
        except YamlTextError as error:
            raise StudyError(Argument("set", text, text), f": '{value}' is not valid YAML: {error}") from None

    def apply(self, written: dict[str, Any]) -> dict[str, Any]:
        """The study as written, with this value in its place; nothing else changes."""
        head, *rest = self.path
        if not rest:
            return written | {head: self.value}
        inner = written.get(head)
        below = Override(tuple(rest), self.value).apply(dict(inner) if isinstance(inner, Mapping) else {})
        return written | {head: below}


def load_study(config: str, overrides: Sequence[Override] = (), registry: Registry = BUILT_IN) -> Study:
    """The study of that name among the shipped ones, or of that path.

    Raises:
        StudyError: no such file, not YAML, or not a study; the message names file, key, value and remedy.
    """
    text = read_config(config)
    try:
        written = read_yaml(text)
    except YamlTextError as error:
        raise StudyError(f"{config}: not valid YAML: {error}") from None
    if not isinstance(written, dict) or not all(isinstance(key, str) for key in written):
        raise StudyError(f"{config}: a study is a mapping of keys to values; see configs/default.yaml")
    for override in overrides:
        written = override.apply(written)
    where = f"{config}, as changed" if overrides else config
    study = parse_study(written, where, registry)
    if study.dataset.path is None:
        return study
    # The study is read again from other folders: to resume, to report, to export.
    dataset = study.dataset.model_copy(update={"path": str(Path(study.dataset.path).absolute())})
    return study.model_copy(update={"dataset": dataset})


def read_config(config: str) -> str:
    """Text of a shipped study by its name, or of a file by its path."""
    if config in SHIPPED:
        return (resources.files("configs") / f"{config}.yaml").read_text(encoding="utf-8")
    named = Argument("config", config, elsewhere=config)
    try:
        with Path(config).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise StudyError(
                named,
                f": the file has more than {MAX_BYTES:,} bytes; a study has a few thousand",
            )
        return content.decode()
    except FileNotFoundError:
        shipped = f"the shipped studies are {', '.join(SHIPPED)}"
        raise StudyError(named, f": there is no such study and no such file; {shipped}") from None
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or no path at all
        raise StudyError(named, f": the file cannot be read: {error}") from None


def parse_study(written: Mapping[str, Any], where: str, registry: Registry = BUILT_IN) -> Study:
    """A study from the plain values of its YAML.

    Raises:
        StudyError: one sentence with file, key, value and remedy.
    """
    try:
        return Study.model_validate(written, context={"registry": registry})
    except StudyError as error:
        raise StudyError(f"{where}: ", *error.parts) from None
    except ValidationError as error:
        raise StudyError(f"{where}: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    problem = error.errors()[0]
    # Of a search space, pydantic names the kind twice: as what tells kinds apart, and as the field.
    key = ".".join(str(part) for part, _ in groupby(problem["loc"]))
    if problem["type"] == "extra_forbidden":
        *parents, name = problem["loc"]
        return f"{key}: unknown key; {nearest(str(name), _keys_at(parents))}"
    if problem["type"] == "missing":
        return f"{key}: the study needs this key, and it is missing"
    message = problem["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    message = message[:1].lower() + message[1:]
    return f"{key}: {problem['input']!r} will not do: {message}"


def _keys_at(path: Sequence[int | str]) -> list[str]:
    """Names of the keys that the study knows at this place."""
    model: Any = Study
    for part in path:
        annotation = model.model_fields[part].annotation if _is_model(model) else typing.get_args(model)[1]
        model = annotation
    return list(model.model_fields) if _is_model(model) else []


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def study_yaml(study: Study) -> str:
    """The resolved study, every default written out, as YAML that `load_study` reads back to an equal study."""
    return write_yaml(study.model_dump(mode="json"))
