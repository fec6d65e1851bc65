"""The findings of a run: a summary of each architecture, and the values of the sections."""

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
    """The findings of a run.

    Attributes:
        run: The run.
        summaries: Summary of each architecture, in the order of the registry.
        known: Values that have been computed, by the function that computes them.
    """

    run: RunData
    summaries: tuple[ArchitectureSummary, ...]
    known: dict[Callable[[Findings], Any], Any] = field(default_factory=dict)

    def of(self, compute: Callable[[Findings], Values]) -> Values:
        """Return the values that a function computes from the findings, and compute them only once.

        Sections share values in this way: `findings.of(comparisons)` computes nothing if another
        section has already used these values.
        """
        if compute not in self.known:
            self.known[compute] = compute(self)
        return cast("Values", self.known[compute])

    @property
    def titles(self) -> Mapping[str, str]:
        """Mapping from the name of each architecture to its title."""
        return {summary.name: summary.title for summary in self.summaries}

    @property
    def order(self) -> tuple[str, ...]:
        """Names of the architectures with a result, sorted by mean test accuracy, highest first."""
        return tuple(summary.name for summary, _ in ranking(self.summaries))

    @property
    def rope(self) -> float:
        """The limit of the region of practical equivalence, as a fraction of the test images."""
        return self.run.study.rope * POINT

    @cached_property
    def correct(self) -> Mapping[str, Mapping[int, npt.NDArray[np.bool_]]]:
        """For each architecture and seed, whether each test image was classified correctly.

        The architectures are in the order of the ranking.
        """
        correct = {name: correct_by_seed(self.run.predictions, name) for name in self.order}
        return {name: seeds for name, seeds in correct.items() if seeds}


def find(run: RunData) -> Findings:
    """Summarise a run for its report."""
    return Findings(run, summarise(run))


def correct_by_seed(predictions: Mapping[tuple[str, int], Predictions], name: str) -> dict[int, npt.NDArray[np.bool_]]:
    """Return, for each seed of an architecture, whether each image was classified correctly."""
    return {seed: found.correct for (architecture, seed), found in predictions.items() if architecture == name}
