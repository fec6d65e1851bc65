"""What a run found: a summary of each architecture, and the values of the sections, each computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from harness.report.summary import ArchitectureSummary, ranking, summarise
from harness.runs.predictions import Predictions
from harness.runs.reading import RunData

POINT = 0.01  # a percentage point, as a fraction
Values = TypeVar("Values")


@dataclass(frozen=True, eq=False)
class Findings:
    """What a run found.

    Attributes:
        run: the run.
        summaries: of its architectures, in the order of the registry.
        known: values that have been computed, by the function that computes them.
    """

    run: RunData
    summaries: tuple[ArchitectureSummary, ...]
    known: dict[Callable[[Findings], Any], Any] = field(default_factory=dict)

    def of(self, compute: Callable[[Findings], Values]) -> Values:
        """The values that this function computes from the findings, which it does at the first call only.

        Sections share their values in this way: `findings.of(comparisons)` costs nothing where the section of the
        verdicts has asked for them before.
        """
        if compute not in self.known:
            self.known[compute] = compute(self)
        return cast("Values", self.known[compute])

    @property
    def titles(self) -> Mapping[str, str]:
        """Name of each architecture to how people write it."""
        return {summary.name: summary.title for summary in self.summaries}

    @property
    def order(self) -> tuple[str, ...]:
        """Names of the architectures that have a result, by mean test accuracy, highest first."""
        return tuple(summary.name for summary, _ in ranking(self.summaries))

    @property
    def rope(self) -> float:
        """Half the width of the region of practical equivalence, as a fraction."""
        return self.run.study.rope * POINT

    @cached_property
    def correct(self) -> Mapping[str, Mapping[int, npt.NDArray[np.bool_]]]:
        """Architecture to seed to whether each test image was classified right, in the order of the ranking."""
        correct = {name: correct_by_seed(self.run.predictions, name) for name in self.order}
        return {name: seeds for name, seeds in correct.items() if seeds}


def find(run: RunData) -> Findings:
    """What the report says about a run."""
    return Findings(run, summarise(run))


def correct_by_seed(predictions: Mapping[tuple[str, int], Predictions], name: str) -> dict[int, npt.NDArray[np.bool_]]:
    """Seed to whether each test image was classified right, for the models of one architecture."""
    return {seed: found.correct for (architecture, seed), found in predictions.items() if architecture == name}
