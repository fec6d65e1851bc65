"""Section "Selection": the selection ledger and the gain from tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from harness.records.trial import Phase
from harness.report.findings import Findings, correct_by_seed
from harness.report.page.formatting import MISSING, count, percent, signed_points, signed_range
from harness.report.page.table import Table, make_table
from harness.report.section import ArchitectureKeys, Keys, Section
from harness.report.summary import ArchitectureSummary
from harness.statistics.comparison import Comparison, compare_all

TUNED, DEFAULT = "tuned", "default"
TUNING_GAIN = "Tuned − default (percentage points)"


@dataclass(frozen=True, eq=False)
class LedgerEntry:
    """The selection of one architecture.

    Attributes:
        summary: Summary of the architecture.
        openings: Number of times that test data were read: once for each confirmed model.
        tuned_accuracy: Mean test accuracy of the selected configuration, over the seeds that the
            default configuration was confirmed with. None if there is nothing to compare.
        tuning: Comparison of the selected with the default configuration on the test images. None
            if there is nothing to compare.
    """

    summary: ArchitectureSummary
    openings: int
    tuned_accuracy: float | None
    tuning: Comparison | None

    @property
    def found(self) -> float | None:
        """Validation accuracy of the winner in search."""
        return self.summary.search.best_validation_accuracy

    @property
    def again(self) -> float | None:
        """Mean validation accuracy of the winner's confirm trials."""
        return self.summary.confirm.validation_accuracy_mean

    @property
    def curse(self) -> float | None:
        """Winner's validation accuracy in confirm minus that in search, usually negative."""
        return None if self.found is None or self.again is None else self.again - self.found


def ledger(findings: Findings) -> tuple[LedgerEntry, ...]:
    """Compute the entry of each architecture, in the order of the summaries."""
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
        tuned_accuracy=fmean([float(models[TUNED][seed].mean()) for seed in comparable]) if comparable else None,
        tuning=compare_all(models, findings.rope)[0] if comparable else None,
    )


def ledger_table(entries: Sequence[LedgerEntry]) -> Table:
    """Create the selection ledger."""
    rows = [
        {
            "Architecture": entry.summary.title,
            "Configurations compared": count(entry.summary.search.trials),
            "Completed trials": count(entry.summary.search.completed),
            "Validation accuracy in search (%)": percent(entry.found),
            "Validation accuracy in confirm (%)": percent(entry.again),
            "Difference (percentage points)": signed_points(entry.curse),
            "Test evaluations": count(entry.openings),
        }
        for entry in entries
    ]
    return make_table(rows, {"Architecture"})


def tuning_table(entries: Sequence[LedgerEntry]) -> Table:
    """Create the table of the gain from tuning. Empty if no default configuration was compared."""
    rows = [_tuning_row(entry) for entry in entries] if any(entry.tuning for entry in entries) else []
    return make_table(rows, {"Architecture", "Verdict"})


def _tuning_row(entry: LedgerEntry) -> dict[str, str]:
    default = entry.summary.default.test
    row = dict.fromkeys(("Tuned (%)", "Default (%)", TUNING_GAIN, "95 % interval", "Seeds"), MISSING)
    row = {"Architecture": entry.summary.title} | row
    if entry.summary.default_selected:
        return row | {
            "Default (%)": percent(default.mean if default else None),
            "Verdict": "default configuration selected",
        }
    if entry.tuning is None:
        return row | {"Verdict": "not compared"}
    better = {"A better": "tuned better", "B better": "default better"}
    return row | {
        "Tuned (%)": percent(entry.tuned_accuracy),
        "Default (%)": percent(default.mean if default else None),
        TUNING_GAIN: signed_points(entry.tuning.difference),
        "95 % interval": signed_range(entry.tuning.low, entry.tuning.high),
        "Seeds": count(entry.tuning.seeds),
        "Verdict": better.get(entry.tuning.verdict.value, entry.tuning.verdict.value),
    }


def _context(findings: Findings) -> Keys:
    entries = findings.of(ledger)
    return {"ledger": ledger_table(entries), "tuning": tuning_table(entries)}


def _architecture_results(findings: Findings) -> ArchitectureKeys:
    return {entry.summary.name: {"selection": _result(entry)} for entry in findings.of(ledger)}


def _result(entry: LedgerEntry) -> Keys:
    search, default = entry.summary.search, entry.summary.default.test
    return {
        "configurations": search.trials,
        "completed": search.completed,
        "validation_accuracy_in_search": entry.found,
        "validation_accuracy_in_confirm": entry.again,
        "test_openings": entry.openings,
        "default_selected": entry.summary.default_selected,
        "default_test_accuracy_mean": default.mean if default else None,
        "default_seeds": default.n if default else 0,
        "tuned_minus_default": asdict(entry.tuning) if entry.tuning else None,
    }


SECTION = Section(__name__, _context, architecture_results=_architecture_results)
