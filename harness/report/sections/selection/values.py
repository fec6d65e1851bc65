"""The selection ledger: what was chosen from how many, what the choice cost, what tuning gained."""

from __future__ import annotations

from dataclasses import dataclass

from harness.records.trial import Phase
from harness.report.findings import Findings, correct_by_seed
from harness.report.summary import ArchitectureSummary
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


def ledger(findings: Findings) -> tuple[LedgerEntry, ...]:
    """One entry for each architecture, in the order of the summaries."""
    return tuple(_entry(findings, summary) for summary in findings.summaries)


def _entry(findings: Findings, summary: ArchitectureSummary) -> LedgerEntry:
    run = findings.run
    mine = [r for r in run.records if r.spec.architecture == summary.name and r.spec.phase is Phase.CONFIRM]
    default = summary.default.test
    models = {
        TUNED: correct_by_seed(run.predictions, summary.name),
        DEFAULT: correct_by_seed(run.default_predictions, summary.name),
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
        tuning=compare_all(models, findings.rope)[0] if comparable else None,
    )
