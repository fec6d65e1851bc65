"""Section "Budget": time and epochs of each architecture, and the best architecture per budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from harness.records.trial import Phase
from harness.report.findings import Findings
from harness.report.page.formatting import count, seconds
from harness.report.page.table import Table, make_table
from harness.report.section import ArchitectureKeys, Figures, Keys, Section
from harness.report.sections.budget.figure import budget_figure_values, draw_budget
from harness.report.sections.budget.spending import Spending, spending
from harness.report.sections.budget.values import budget_sentence, curves


def spending_table(spendings: Sequence[Spending]) -> Table:
    """Create the table of configurations, epochs and slot-seconds of each architecture."""
    rows = [
        {
            "Architecture": spent.title,
            "Configurations": count(spent.phases[Phase.SEARCH].trials),
            "Epochs in search": count(spent.phases[Phase.SEARCH].epochs),
            "Epochs in confirm": count(spent.phases[Phase.CONFIRM].epochs),
            "Epochs in audit": count(spent.phases[Phase.AUDIT].epochs),
            "Training in search (slot-seconds)": seconds(spent.phases[Phase.SEARCH].train_seconds),
            "Training in all phases (slot-seconds)": seconds(spent.train_seconds),
            "Overhead (slot-seconds)": seconds(spent.overhead_seconds),
        }
        for spent in spendings
    ]
    return make_table(rows, {"Architecture"})


def _context(findings: Findings) -> Keys:
    return {
        "spending": spending_table(findings.of(spending)),
        "budget_sentence": budget_sentence(findings.of(curves)),
    }


def _figures(findings: Findings) -> Figures:
    found, images = findings.of(curves), findings.run.environment.dataset.validation
    names = [summary.name for summary in findings.summaries]
    return {"budget": draw_budget(budget_figure_values(found, names, images)) if found else None}


def _architecture_results(findings: Findings) -> ArchitectureKeys:
    return {
        spent.name: {"spending": {phase.value: asdict(one) for phase, one in spent.phases.items()}}
        for spent in findings.of(spending)
    }


SECTION = Section(__name__, _context, _figures, architecture_results=_architecture_results)
