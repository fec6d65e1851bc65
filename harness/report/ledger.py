"""The selection ledger: what was chosen from how many, what the choice cost, what tuning gained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.records.trial import Phase, TrialRecord
from harness.report.summary import ArchitectureSummary
from harness.runs.predictions import Predictions
from harness.statistics import Comparison, compare_all, mean

TUNED, DEFAULT = "tuned", "default"


@dataclass(frozen=True)
class LedgerEntry:
    """The selection of one architecture.

    Attributes:
        name: of the architecture.
        title: as people write it.
        configurations: compared in the search.
        completed: of these, trained to their last epoch: the winner is the best of them.
        found: validation accuracy of the winner in the search; None without a winner.
        again: mean validation accuracy of its confirm trials; None when none completed.
        openings: times that the test set was opened, once for each confirmed model.
        tuned_accuracy: mean test accuracy of the selected configuration over the seeds that the default one was
            confirmed with; None when there is nothing to compare.
        default_selected: whether the default configuration was the winner.
        default_accuracy: mean test accuracy of the default configuration; None when it was not confirmed.
        default_seeds: that it was confirmed with.
        tuning: tuned minus default on the test images; None when there is nothing to compare.
    """

    name: str
    title: str
    configurations: int
    completed: int
    found: float | None
    again: float | None
    openings: int
    tuned_accuracy: float | None
    default_selected: bool
    default_accuracy: float | None
    default_seeds: int
    tuning: Comparison | None

    @property
    def curse(self) -> float | None:
        """Validation accuracy in confirm minus in search: below nought, the price of having chosen."""
        return None if self.found is None or self.again is None else self.again - self.found


def ledger(
    records: Sequence[TrialRecord],
    summaries: Iterable[ArchitectureSummary],
    predictions: Mapping[tuple[str, int], Predictions],
    default_predictions: Mapping[tuple[str, int], Predictions],
    rope: float,
) -> tuple[LedgerEntry, ...]:
    """One entry for each architecture, in the order of the summaries.

    Args:
        records: of the whole run.
        summaries: of its architectures.
        predictions: of the selected configurations' models.
        default_predictions: of the default configurations' models, where these were not selected.
        rope: region of practical equivalence, as a fraction.
    """
    return tuple(_entry(records, summary, predictions, default_predictions, rope) for summary in summaries)


def _entry(
    records: Sequence[TrialRecord],
    summary: ArchitectureSummary,
    predictions: Mapping[tuple[str, int], Predictions],
    default_predictions: Mapping[tuple[str, int], Predictions],
    rope: float,
) -> LedgerEntry:
    mine = [r for r in records if r.spec.architecture == summary.name and r.spec.phase is Phase.CONFIRM]
    default = summary.default.test
    models = {
        TUNED: correct_by_seed(predictions, summary.name),
        DEFAULT: correct_by_seed(default_predictions, summary.name),
    }
    comparable = sorted(set(models[TUNED]) & set(models[DEFAULT]))
    return LedgerEntry(
        name=summary.name,
        title=summary.title,
        configurations=summary.search.trials,
        completed=summary.search.completed,
        found=summary.search.best_validation_accuracy,
        again=summary.confirm.validation_accuracy_mean,
        openings=sum(record.test is not None for record in mine),
        tuned_accuracy=mean([float(models[TUNED][seed].mean()) for seed in comparable]) if comparable else None,
        default_selected=summary.default_selected,
        default_accuracy=default.mean if default else None,
        default_seeds=default.n if default else 0,
        tuning=compare_all(models, rope)[0] if comparable else None,
    )


def correct_by_seed(predictions: Mapping[tuple[str, int], Predictions], name: str) -> dict[int, npt.NDArray[np.bool_]]:
    """Seed to whether each test image was classified right, for the models of one architecture."""
    return {seed: found.correct for (architecture, seed), found in predictions.items() if architecture == name}
