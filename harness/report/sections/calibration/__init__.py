"""Section "Calibration": confidence of the models compared with their accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from harness.report.findings import Findings
from harness.report.page.formatting import percent, signed_points
from harness.report.page.table import Table, make_table
from harness.report.section import ArchitectureKeys, Figures, Keys, Section
from harness.report.sections.calibration.figure import draw_calibration
from harness.report.sections.calibration.values import Calibration, calibrations


def calibration_table(calibrations: Mapping[str, Calibration], titles: Mapping[str, str]) -> Table:
    """Create the table of the calibration of each architecture's first model."""
    rows = [
        {
            "Architecture": titles[name],
            "Expected calibration error (percentage points)": percent(calibration.error),
            "Mean confidence − accuracy (percentage points)": signed_points(calibration.excess),
        }
        for name, calibration in calibrations.items()
    ]
    return make_table(rows, {"Architecture"})


def _context(findings: Findings) -> Keys:
    return {"calibration": calibration_table(findings.of(calibrations), findings.titles)}


def _figures(findings: Findings) -> Figures:
    models = [(findings.titles[name], calibration) for name, calibration in findings.of(calibrations).items()]
    return {"calibration": draw_calibration(models) if models else None}


def _architecture_results(findings: Findings) -> ArchitectureKeys:
    found = findings.of(calibrations)
    return {
        summary.name: {"calibration": asdict(found[summary.name]) if summary.name in found else None}
        for summary in findings.summaries
    }


SECTION = Section(__name__, _context, _figures, architecture_results=_architecture_results)
