"""Test accuracy of every architecture, with its interval, and the hyperparameters that were selected."""

from __future__ import annotations

from harness.report.findings import Findings
from harness.report.section import Figures, Keys, Section
from harness.report.sections.accuracy.figure import accuracy_figure_values, draw_accuracy, ranked_accuracies
from harness.report.sections.accuracy.table import (
    accuracy_table,
    all_hyperparameters_table,
    hyperparameters_table,
    interval_sentence,
    seeds_table,
)
from harness.report.sections.selection.values import ledger
from harness.report.sections.verdicts.values import groups


def _context(findings: Findings) -> Keys:
    summaries, dataset = findings.summaries, findings.run.environment.dataset
    return {
        "accuracy": accuracy_table(summaries, findings.of(groups), dataset.unbalanced),
        "interval": interval_sentence(summaries),
        "hyperparameters": hyperparameters_table(summaries),
        "all_hyperparameters": all_hyperparameters_table(summaries),
        "seed_results": seeds_table(summaries),
        "defaults_shown": any(entry.tuning for entry in findings.of(ledger)),
    }


def _figures(findings: Findings) -> Figures:
    ranked = ranked_accuracies(findings.summaries, findings.of(groups))
    values = accuracy_figure_values(ranked, findings.run.environment.dataset.test) if ranked else None
    return {"accuracy": draw_accuracy(values) if values else None}


SECTION = Section(__name__, _context, _figures)
