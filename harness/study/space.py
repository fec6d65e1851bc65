"""Search spaces, with the names of Ray Tune: grid, choice, uniform, loguniform and randint."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import AfterValidator, Discriminator, Field, SkipValidation, Tag, ValidationError

from architectures import Architecture
from harness.errors import StudyError, nearest
from harness.records.trial import Frozen, Scalar

_Number = TypeVar("_Number", int, float)


def _each_once(values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    if not values:
        raise ValueError("the search space is empty; list at least one value")
    if len({repr(value) for value in values}) < len(values):
        raise ValueError("a value is listed twice; list each value once")
    return values


def _ascending(bounds: tuple[_Number, ...]) -> tuple[_Number, ...]:
    if len(bounds) != 2:
        raise ValueError("expected [low, high] as two numbers")
    low, high = bounds
    if low >= high:
        raise ValueError(f"the search space is empty because low {low} is not below high {high}")
    return bounds


def _three_digits(value: float, low: float, high: float) -> float:
    rounded = float(f"{value:.3g}")
    return rounded if low <= rounded <= high else min(max(value, low), high)


Values = Annotated[tuple[SkipValidation[Scalar], ...], AfterValidator(_each_once)]
Bounds = Annotated[tuple[_Number, ...], AfterValidator(_ascending)]
Whole = Annotated[int, Field(strict=True)]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Grid(Frozen):
    """All values, combined with all values of every other grid."""

    grid: Values


class Choice(Frozen):
    """One of the values, each equally likely."""

    choice: Values

    def sample(self, generator: np.random.Generator) -> Scalar:
        """Draw one value."""
        return self.choice[int(generator.integers(len(self.choice)))]


class Uniform(Frozen):
    """A number between low and high, uniformly distributed."""

    uniform: Bounds[Finite]

    def sample(self, generator: np.random.Generator) -> float:
        """Draw one value. It has three significant digits, so a report can print it exactly."""
        low, high = self.uniform
        return _three_digits(generator.uniform(low, high), low, high)


class LogUniform(Frozen):
    """A number between low and high, with a uniformly distributed logarithm."""

    loguniform: Bounds[Annotated[Finite, Field(gt=0)]]

    def sample(self, generator: np.random.Generator) -> float:
        """Draw one value. It has three significant digits, so a report can print it exactly."""
        low, high = self.loguniform
        return _three_digits(math.exp(generator.uniform(math.log(low), math.log(high))), low, high)


class RandInt(Frozen):
    """A whole number between low (included) and high (not included)."""

    randint: Bounds[Whole]

    def sample(self, generator: np.random.Generator) -> int:
        """Draw one value."""
        low, high = self.randint
        return int(generator.integers(low, high))


KINDS: Mapping[str, tuple[str, str]] = {
    "grid": ("{grid: [1, 2, 4]}", "all values, combined with all values of every other grid"),
    "choice": ("{choice: [relu, tanh]}", "one of the values, each equally likely"),
    "uniform": ("{uniform: [0.0, 0.5]}", "a number between the two bounds"),
    "loguniform": (
        "{loguniform: [0.0001, 0.1]}",
        "a number between the two bounds, with a uniformly distributed logarithm",
    ),
    "randint": ("{randint: [1, 9]}", "a whole number; the first bound is included, the second is not"),
}
"""Kinds of parameters, each with an example and its meaning."""


def _kind(written: Any) -> str | None:
    """Return the tag of a parameter: the only key of a mapping, or "a single value"."""
    if isinstance(written, Random | Grid):
        return next(iter(type(written).model_fields))
    if isinstance(written, Mapping) and len(written) == 1:
        return str(next(iter(written)))
    return "a single value" if isinstance(written, Scalar) else None


Random = Choice | Uniform | LogUniform | RandInt
Parameter = Annotated[
    Annotated[Scalar, Tag("a single value")]
    | Annotated[Grid, Tag("grid")]
    | Annotated[Choice, Tag("choice")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[LogUniform, Tag("loguniform")]
    | Annotated[RandInt, Tag("randint")],
    Discriminator(
        _kind,
        custom_error_type="kind_of_search",
        custom_error_message=f"Expected a single value or exactly one of {', '.join(KINDS)}, like {{grid: [1, 2, 4]}}",
    ),
]
Space = Mapping[str, Parameter]


def check_space(architecture: Architecture, space: Space, where: str) -> None:
    """Check that a search space fits the hyperparameters of an architecture.

    Args:
        architecture: The architecture.
        space: Its search space.
        where: Key of the space in the study, for messages.

    Raises:
        StudyError: A hyperparameter is unknown, or a value has the wrong type or is out of range.
    """
    known = architecture.hyperparameters.model_fields
    for name, parameter in space.items():
        if name not in known:
            raise StudyError(
                f"{where}.{name}: {architecture.name} has no hyperparameter '{name}'; {nearest(name, known)}"
            )
        for example in _examples(parameter):
            try:
                architecture.hyperparameters.model_validate({name: example}, strict=True)
            except ValidationError as error:
                problem = error.errors()[0]["msg"]
                problem = problem[:1].lower() + problem[1:]
                raise StudyError(f"{where}.{name}: invalid value {example!r}: {problem}") from None


def _examples(parameter: Parameter) -> tuple[Scalar, ...]:
    """Return values of a parameter. If these are valid, all its values are."""
    match parameter:
        case Grid(grid=values) | Choice(choice=values) | Uniform(uniform=values) | LogUniform(loguniform=values):
            return values
        case RandInt():
            low, high = parameter.randint
            return (low, high - 1)
        case _:
            return (parameter,)


def default_configuration(architecture: Architecture, space: Space) -> dict[str, Scalar]:
    """Return the default configuration: the defaults, and the single values of the search space."""
    fixed = {name: value for name, value in space.items() if isinstance(value, Scalar)}
    return dict(architecture.hyperparameters(**fixed).model_dump())


def count_configurations(space: Space, samples: int) -> int:
    """Return the maximum number of configurations in a search space.

    >>> space = {"units": Grid(grid=(1, 2)), "dropout": Uniform(uniform=(0.0, 0.5))}
    >>> count_configurations(space, samples=3)
    7
    """
    points = math.prod(len(p.grid) for p in space.values() if isinstance(p, Grid))
    varied = any(isinstance(p, Grid | Random) for p in space.values())
    return 1 + (points * samples if varied else 0)


def configurations(
    architecture: Architecture, space: Space, samples: int, generator: np.random.Generator
) -> Iterator[dict[str, Scalar]]:
    """Yield the default configuration, then `samples` random draws for each grid point.

    A space with only single values gives only the default configuration.
    """
    default = default_configuration(architecture, space)
    yield default
    grids = {name: p.grid for name, p in space.items() if isinstance(p, Grid)}
    randoms = {name: p for name, p in space.items() if isinstance(p, Random)}
    if not grids and not randoms:
        return
    for _ in range(samples):
        for point in itertools.product(*grids.values()):
            drawn = {name: parameter.sample(generator) for name, parameter in randoms.items()}
            values = default | dict(zip(grids, point, strict=True)) | drawn
            yield dict(architecture.hyperparameters(**values).model_dump())
