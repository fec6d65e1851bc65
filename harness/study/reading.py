"""Reading studies from YAML, and writing them."""

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
    """Return the `dataset` part of a study for a name or a path. A tenth of the images validates.

    Raises:
        StudyError: There is no such data set, file or folder.
    """
    if data in DATASETS:
        return {"name": data, "validation_size": 0.1}
    if not Path(data).exists():
        raise StudyError(
            Argument("data", data),
            f": no file, folder or data set of this name; {nearest(data, DATASETS)}",
        )
    return {"path": str(Path(data).absolute()), "validation_size": 0.1}


@dataclass(frozen=True)
class Override:
    """A change of one value of a study."""

    path: tuple[str, ...]
    value: Any

    @classmethod
    def parse(cls, text: str) -> Override:
        """Parse `key.path=value`, where the value is YAML.

        >>> Override.parse("confirm.seeds=3")
        Override(path=('confirm', 'seeds'), value=3)
        """
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise StudyError(Argument("set", text, text), ": expected key.path=value, for example confirm.seeds=3")
        try:
            return cls(tuple(key.split(".")), read_yaml(value))
        except YamlTextError as error:
            raise StudyError(
                Argument("set", text, text), f": '{value}' is not valid YAML ({error}); correct the value"
            ) from None

    def apply(self, written: dict[str, Any]) -> dict[str, Any]:
        """Return the plain values of a study with this value changed."""
        head, *rest = self.path
        if not rest:
            return written | {head: self.value}
        inner = written.get(head)
        below = Override(tuple(rest), self.value).apply(dict(inner) if isinstance(inner, Mapping) else {})
        return written | {head: below}


def load_study(config: str, overrides: Sequence[Override] = (), registry: Registry = BUILT_IN) -> Study:
    """Load a shipped study by its name, or a study file by its path.

    Raises:
        StudyError: The file does not exist, is not valid YAML, or is not a valid study. The message
            names file, key, value and remedy.
    """
    text = read_config(config)
    try:
        written = read_yaml(text)
    except YamlTextError as error:
        raise StudyError(f"{config}: not valid YAML ({error}); correct the file") from None
    if not isinstance(written, dict) or not all(isinstance(key, str) for key in written):
        raise StudyError(
            f"{config}: a study must be a mapping of keys to values; see configs/default.yaml for an example"
        )
    for override in overrides:
        written = override.apply(written)
    where = f"{config} with changes" if overrides else config
    study = parse_study(written, where, registry)
    if study.dataset.path is None:
        return study
    # An absolute path, because resume, report and export may read the study from another folder.
    dataset = study.dataset.model_copy(update={"path": str(Path(study.dataset.path).absolute())})
    return study.model_copy(update={"dataset": dataset})


def read_config(config: str) -> str:
    """Return the text of a shipped study by its name, or of a file by its path."""
    if config in SHIPPED:
        return (resources.files("configs") / f"{config}.yaml").read_text(encoding="utf-8")
    named = Argument("config", config, elsewhere=config)
    try:
        with Path(config).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise StudyError(
                named,
                f": the file has more than {MAX_BYTES:,} bytes, so it is not a study; give another file",
            )
        return content.decode()
    except FileNotFoundError:
        raise StudyError(
            named, f": no study or file of this name; give a file, or one of {', '.join(SHIPPED)}"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or not a possible path
        raise StudyError(named, f": the file cannot be read ({error}); give a YAML file in UTF-8") from None


def parse_study(written: Mapping[str, Any], where: str, registry: Registry = BUILT_IN) -> Study:
    """Return the study with the given plain values.

    Raises:
        StudyError: The values are not a valid study. The message names file, key, value and remedy.
    """
    try:
        return Study.model_validate(written, context={"registry": registry})
    except StudyError as error:
        raise StudyError(f"{where}: ", *error.parts) from None
    except ValidationError as error:
        raise StudyError(f"{where}: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    problem = error.errors()[0]
    # In a search space, pydantic repeats the kind: as the tag of the union, and as the field.
    key = ".".join(str(part) for part, _ in groupby(problem["loc"]))
    if problem["type"] == "extra_forbidden":
        *parents, name = problem["loc"]
        return f"{key}: unknown key; {nearest(str(name), _keys_at(parents))}"
    if problem["type"] == "missing":
        return f"{key}: this required key is missing; add it"
    message = problem["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    message = message[:1].lower() + message[1:]
    return f"{key}: invalid value {problem['input']!r}: {message}"


def _keys_at(path: Sequence[int | str]) -> list[str]:
    """Return the valid keys at this place of a study."""
    model: Any = Study
    for part in path:
        annotation = model.model_fields[part].annotation if _is_model(model) else typing.get_args(model)[1]
        model = annotation
    return list(model.model_fields) if _is_model(model) else []


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def study_yaml(study: Study) -> str:
    """Return the study as YAML, with all defaults. `load_study` reads it back to an equal study."""
    return write_yaml(study.model_dump(mode="json"))
