"""The selection ledger: what was chosen from how many, what the choice cost, what tuning gained."""

from __future__ import annotations

from dataclasses import dataclass

from harness.records.trial import Phase
from harness.report.findings import Findings, correct_by_seed
from harness.report.summary import ArchitectureSummary
from harness.statistics import Comparison, compare_all, mean

TUNED, DEFAULT = "tuned", "default"


@dataclass(frozen=True, eq=False)
class LedgerEntry:
    """The selection of one architecture.

    Attributes:
        summary: of the architecture. The winner is the best of the configurations that completed its search.
        openings: times that the test set was opened, once for each confirmed model.
        tuned_accuracy: mean test accuracy of the selected configuration over the seeds that the default one was
            confirmed with; None when there is nothing to compare.
        tuning: tuned minus default on the test images; None when there is nothing to compare.
    """

    summary: ArchitectureSummary
    openings: int
    tuned_accuracy: float | None
    tuning: Comparison | None

    @property
    def found(self) -> float | None:
        """Validation accuracy of the winner in the search."""
        return self.summary.search.best_validation_accuracy

    @property
    def again(self) -> float | None:
        """Mean validation accuracy of the winner's confirm trials."""
        return self.summary.confirm.validation_accuracy_mean

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
    models = {
        TUNED: correct_by_seed(run.predictions, summary.name),
        DEFAULT: correct_by_seed(run.default_predictions, summary.name),
    }
    comparable = sorted(set(models[TUNED]) & set(models[DEFAULT]))
    return LedgerEntry(
        summary=summary,
        openings=sum(record.test is not None for record in mine),
        tuned_accuracy=mean([float(models[TUNED][seed].mean()) for seed in comparable]) if comparable else None,
        tuning=compare_all(models, findings.rope)[0] if comparable else None,
    )
