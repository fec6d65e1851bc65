"""What was spent on each architecture, and which one wins at which budget."""

from __future__ import annotations

from dataclasses import asdict

from harness.report.findings import Findings
from harness.report.section import ArchitectureKeys, Figures, Keys, Section
from harness.report.sections.budget.figure import budget_figure_values, draw_budget
from harness.report.sections.budget.spending import spending
from harness.report.sections.budget.table import spending_table
from harness.report.sections.budget.values import budget_sentence, curves


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
