"""Whether the models are right as often as they are sure."""

from __future__ import annotations

from dataclasses import asdict

from harness.report.findings import Findings
from harness.report.section import ArchitectureKeys, Figures, Keys, Section
from harness.report.sections.calibration.figure import calibration_figure_values, draw_calibration
from harness.report.sections.calibration.table import calibration_table
from harness.report.sections.calibration.values import calibrations


def _context(findings: Findings) -> Keys:
    return {"calibration": calibration_table(findings.of(calibrations), findings.titles)}


def _figures(findings: Findings) -> Figures:
    models = [(findings.titles[name], calibration) for name, calibration in findings.of(calibrations).items()]
    return {"calibration": draw_calibration(calibration_figure_values(models)) if models else None}


def _architecture_results(findings: Findings) -> ArchitectureKeys:
    found = findings.of(calibrations)
    return {
        summary.name: {"calibration": asdict(found[summary.name]) if summary.name in found else None}
        for summary in findings.summaries
    }


SECTION = Section(__name__, _context, _figures, architecture_results=_architecture_results)
