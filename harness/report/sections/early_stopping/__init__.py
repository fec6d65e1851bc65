"""What early stopping ended and saved, and whether an audit finds that rightly."""

from __future__ import annotations

from dataclasses import asdict

from harness.report.findings import Findings
from harness.report.section import Figures, Keys, Section
from harness.report.sections.early_stopping.figure import draw_learning_curves, learning_curve_values
from harness.report.sections.early_stopping.table import audit_table, finished_table
from harness.report.sections.early_stopping.values import audit, audit_sentence


def _context(findings: Findings) -> Keys:
    found = findings.of(audit)
    return {
        "audit": audit_table(found),
        "finished": finished_table(found),
        "audit_sentence": audit_sentence(found),
        "first_rung": found.first_rung,
    }


def _figures(findings: Findings) -> Figures:
    run = findings.run
    panels = learning_curve_values(findings.summaries, run.records, run.environment.dataset.validation)
    return {"learning_curves": draw_learning_curves(panels) if panels else None}


def _results(findings: Findings) -> Keys:
    found = findings.of(audit)
    return {"audit": asdict(found) | {"stopped": found.stopped, "false_stops": found.false_stops}}


SECTION = Section(__name__, _context, _figures, _results)
