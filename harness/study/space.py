"""The search space of one architecture, written the way Ray Tune names it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from architectures import Architecture
from harness.errors import StudyError, nearest
from harness.records.trial import Scalar


@dataclass(frozen=True)
class Fixed:
    """One value for every trial, the default configuration included."""

    value: Scalar


@dataclass(frozen=True)
class Grid:
    """Every value, crossed with every other grid."""

    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class Choice:
    """One of the values, each equally likely."""

    values: tuple[Scalar, ...]

    def sample(self, generator: np.random.Generator) -> Scalar:
        """One value."""
        return self.values[int(generator.integers(len(self.values)))]


@dataclass(frozen=True)
class Uniform:
    """Between low and high."""

    low: float
    high: float

    def sample(self, generator: np.random.Generator) -> float:
        """One value, of three significant digits so that a report can print it whole."""
        return _three_digits(generator.uniform(self.low, self.high), self.low, self.high)


@dataclass(frozen=True)
class LogUniform:
    """Between low and high, uniform in the logarithm."""

    low: float
    high: float

    def sample(self, generator: np.random.Generator) -> float:
        """One value, of three significant digits so that a report can print it whole."""
        drawn = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        return _three_digits(drawn, self.low, self.high)


@dataclass(frozen=True)
class RandInt:
    """A whole number from low to high, high excluded."""

    low: int
    high: int

    def sample(self, generator: np.random.Generator) -> int:
        """One value."""
        return int(generator.integers(self.low, self.high))


Parameter = Fixed | Grid | Choice | Uniform | LogUniform | RandInt
Random = Choice | Uniform | LogUniform | RandInt
Space = Mapping[str, Parameter]

KINDS: Mapping[str, tuple[str, str]] = {
    "grid": ("{grid: [1, 2, 4]}", "every value, crossed with every other grid"),
    "choice": ("{choice: [relu, tanh]}", "one of the values, each equally likely"),
    "uniform": ("{uniform: [0.0, 0.5]}", "a number between the two"),
    "loguniform": ("{loguniform: [0.0001, 0.1]}", "a number between the two, uniform in the logarithm"),
    "randint": ("{randint: [1, 9]}", "a whole number from the first to the second, which is excluded"),
}
"""Kinds of parameters: how each is written, and what it means."""


def _three_digits(value: float, low: float, high: float) -> float:
    rounded = float(f"{value:.3g}")
    return rounded if low <= rounded <= high else min(max(value, low), high)


def parse_space(architecture: Architecture, written: Mapping[str, Any], where: str) -> dict[str, Parameter]:
    """The space of an architecture from the study's YAML, checked against its typed hyperparameters.

    Args:
        architecture: whose hyperparameters are named.
        written: `{hyperparameter: value}` or `{hyperparameter: {kind: arguments}}`.
        where: key of the space in the study, for messages.

    Raises:
        StudyError: an unknown hyperparameter or kind, an empty range, a value of the wrong type or out of bounds.
    """
    known = architecture.hyperparameters.model_fields
    space: dict[str, Parameter] = {}
    for name, value in written.items():
        if name not in known:
            raise StudyError(
                f"{where}.{name}: {architecture.name} has no hyperparameter '{name}'; {nearest(str(name), known)}"
            )
        parameter = _parse_parameter(value, f"{where}.{name}")
        for example in _examples(parameter):
            _check_value(architecture, name, example, f"{where}.{name}")
        space[name] = parameter
    return space


def _parse_parameter(value: Any, where: str) -> Parameter:
    if not isinstance(value, Mapping):
        if not isinstance(value, Scalar):
            raise StudyError(f"{where}: {value!r} is not a single value; write {{grid: {value!r}}} to try several")
        return Fixed(value)
    if len(value) != 1:
        raise StudyError(f"{where}: expected exactly one of {', '.join(KINDS)}, got {dict(value)!r}")
    kind, arguments = next(iter(value.items()))
    if kind not in KINDS:
        raise StudyError(f"{where}: unknown kind of search '{kind}'; {nearest(str(kind), KINDS)}")
    if kind in ("grid", "choice"):
        if not isinstance(arguments, list) or not arguments:
            raise StudyError(f"{where}.{kind}: the search space is empty; list at least one value")
        if len({repr(argument) for argument in arguments}) < len(arguments):
            raise StudyError(f"{where}.{kind}: {arguments!r} names a value twice; name each once")
        return Grid(tuple(arguments)) if kind == "grid" else Choice(tuple(arguments))
    return _parse_range(kind, arguments, f"{where}.{kind}")


def _parse_range(kind: str, arguments: Any, where: str) -> Parameter:
    numbers = [a for a in arguments if _is_finite_number(a)] if isinstance(arguments, list) else []
    if len(numbers) != 2 or len(numbers) != len(arguments):
        raise StudyError(f"{where}: expected [low, high] as two numbers, got {arguments!r}")
    low, high = numbers
    if low >= high:
        raise StudyError(f"{where}: the search space is empty, since low {low} is not below high {high}")
    if kind == "randint":
        if not (isinstance(low, int) and isinstance(high, int)):
            raise StudyError(f"{where}: expected whole numbers, got {arguments!r}")
        return RandInt(low, high)
    if kind == "loguniform":
        if low <= 0:
            raise StudyError(f"{where}: low must be above 0 for a logarithm, got {low}")
        return LogUniform(float(low), float(high))
    return Uniform(float(low), float(high))


def _is_finite_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _examples(parameter: Parameter) -> tuple[Scalar, ...]:
    """Values that prove the whole parameter valid, if they are."""
    match parameter:
        case Fixed(value):
            return (value,)
        case Grid(values) | Choice(values):
            return values
        case RandInt(low, high):
            return (low, high - 1)
        case Uniform(low, high) | LogUniform(low, high):
            return (low, high)


def _check_value(architecture: Architecture, name: str, value: Scalar, where: str) -> None:
    try:
        architecture.hyperparameters.model_validate({name: value}, strict=True)
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise StudyError(f"{where}: {value!r} will not do: {_lower(problem)}") from None


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def default_configuration(architecture: Architecture, space: Space) -> dict[str, Scalar]:
    """The architecture's defaults, with the values that the study fixes for every trial."""
    fixed = {name: p.value for name, p in space.items() if isinstance(p, Fixed)}
    return dict(architecture.hyperparameters(**fixed).model_dump())


def count_configurations(space: Space, samples: int) -> int:
    """How many configurations `configurations` gives at most.

    >>> count_configurations({"units": Grid((1, 2)), "dropout": Uniform(0.0, 0.5)}, samples=3)
    7
    """
    points = math.prod(len(p.values) for p in space.values() if isinstance(p, Grid))
    varied = any(isinstance(p, Grid | Random) for p in space.values())
    return 1 + (points * samples if varied else 0)


def configurations(
    architecture: Architecture, space: Space, samples: int, generator: np.random.Generator
) -> Iterator[dict[str, Scalar]]:
    """The default configuration, then every grid point with `samples` draws of what is random, as Tune counts them.

    A space that neither lists a grid nor draws at random gives the default configuration alone.
    """
    default = default_configuration(architecture, space)
    yield default
    grids = {name: p.values for name, p in space.items() if isinstance(p, Grid)}
    randoms = {name: p for name, p in space.items() if isinstance(p, Random)}
    if not grids and not randoms:
        return
    for _ in range(samples):
        for point in itertools.product(*grids.values()):
            drawn = {name: parameter.sample(generator) for name, parameter in randoms.items()}
            values = default | dict(zip(grids, point, strict=True)) | drawn
            yield dict(architecture.hyperparameters(**values).model_dump())
