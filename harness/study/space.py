"""The search space of one architecture, written the way Ray Tune names it."""

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
        raise ValueError("it names a value twice; name each once")
    return values


def _ascending(bounds: tuple[_Number, ...]) -> tuple[_Number, ...]:
    if len(bounds) != 2:
        raise ValueError("expected [low, high] as two numbers")
    low, high = bounds
    if low >= high:
        raise ValueError(f"the search space is empty, since low {low} is not below high {high}")
    return bounds


def _three_digits(value: float, low: float, high: float) -> float:
    rounded = float(f"{value:.3g}")
    return rounded if low <= rounded <= high else min(max(value, low), high)


Values = Annotated[tuple[SkipValidation[Scalar], ...], AfterValidator(_each_once)]
Bounds = Annotated[tuple[_Number, ...], AfterValidator(_ascending)]
Whole = Annotated[int, Field(strict=True)]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Grid(Frozen):
    """Every value, crossed with every other grid."""

    grid: Values


class Choice(Frozen):
    """One of the values, each equally likely."""

    choice: Values

    def sample(self, generator: np.random.Generator) -> Scalar:
        """One value."""
        return self.choice[int(generator.integers(len(self.choice)))]


class Uniform(Frozen):
    """Between low and high."""

    uniform: Bounds[Finite]

    def sample(self, generator: np.random.Generator) -> float:
        """One value, of three significant digits so that a report can print it whole."""
        low, high = self.uniform
        return _three_digits(generator.uniform(low, high), low, high)


class LogUniform(Frozen):
    """Between low and high, uniform in the logarithm."""

    loguniform: Bounds[Annotated[Finite, Field(gt=0)]]

    def sample(self, generator: np.random.Generator) -> float:
        """One value, of three significant digits so that a report can print it whole."""
        low, high = self.loguniform
        return _three_digits(math.exp(generator.uniform(math.log(low), math.log(high))), low, high)


class RandInt(Frozen):
    """A whole number from low to high, high excluded."""

    randint: Bounds[Whole]

    def sample(self, generator: np.random.Generator) -> int:
        """One value."""
        low, high = self.randint
        return int(generator.integers(low, high))


KINDS: Mapping[str, tuple[str, str]] = {
    "grid": ("{grid: [1, 2, 4]}", "every value, crossed with every other grid"),
    "choice": ("{choice: [relu, tanh]}", "one of the values, each equally likely"),
    "uniform": ("{uniform: [0.0, 0.5]}", "a number between the two"),
    "loguniform": ("{loguniform: [0.0001, 0.1]}", "a number between the two, uniform in the logarithm"),
    "randint": ("{randint: [1, 9]}", "a whole number from the first to the second, which is excluded"),
}
"""Kinds of parameters: how each is written, and what it means."""


def _kind(written: Any) -> str | None:
    """The tag of a parameter: the only key of a mapping, if it is one."""
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
        custom_error_message=f"Expected a single value, or exactly one of {', '.join(KINDS)}, like {{grid: [1, 2, 4]}}",
    ),
]
Space = Mapping[str, Parameter]


def check_space(architecture: Architecture, space: Space, where: str) -> None:
    """Accept the space of an architecture whose hyperparameters it fits.

    Args:
        architecture: whose hyperparameters are named.
        space: as the study has it.
        where: key of the space in the study, for messages.

    Raises:
        StudyError: an unknown hyperparameter, a value of the wrong type or out of bounds.
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
                raise StudyError(f"{where}.{name}: {example!r} will not do: {problem}") from None


def _examples(parameter: Parameter) -> tuple[Scalar, ...]:
    """Values that prove the whole parameter valid, if they are."""
    match parameter:
        case Grid(grid=values) | Choice(choice=values) | Uniform(uniform=values) | LogUniform(loguniform=values):
            return values
        case RandInt():
            low, high = parameter.randint
            return (low, high - 1)
        case _:
            return (parameter,)


def default_configuration(architecture: Architecture, space: Space) -> dict[str, Scalar]:
    """The architecture's defaults, with the values that the study fixes for every trial."""
    fixed = {name: value for name, value in space.items() if isinstance(value, Scalar)}
    return dict(architecture.hyperparameters(**fixed).model_dump())


def count_configurations(space: Space, samples: int) -> int:
    """How many configurations `configurations` gives at most.

    >>> count_configurations({"units": Grid(grid=(1, 2)), "dropout": Uniform(uniform=(0.0, 0.5))}, samples=3)
    7
    """
    points = math.prod(len(p.grid) for p in space.values() if isinstance(p, Grid))
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
    grids = {name: p.grid for name, p in space.items() if isinstance(p, Grid)}
    randoms = {name: p for name, p in space.items() if isinstance(p, Random)}
    if not grids and not randoms:
        return
    for _ in range(samples):
        for point in itertools.product(*grids.values()):
            drawn = {name: parameter.sample(generator) for name, parameter in randoms.items()}
            values = default | dict(zip(grids, point, strict=True)) | drawn
            yield dict(architecture.hyperparameters(**values).model_dump())
