"""Validation accuracy over the grid of each architecture that was searched on one."""

from __future__ import annotations

from harness.report.findings import Findings
from harness.report.section import Figures, Section
from harness.report.sections.grid_search.figure import draw_grid_heat_maps, grid_axes, grid_values


def _figures(findings: Findings) -> Figures:
    run = findings.run
    figures = {}
    for summary in findings.summaries:
        records = [record for record in run.records if record.spec.architecture == summary.name]
        axes = grid_axes(summary.architecture, run.study.space(summary.name))
        values = grid_values(axes, records, summary.winner) if records else None
        images = run.environment.dataset.validation
        figures[f"grid_{summary.name}"] = draw_grid_heat_maps(summary.title, values, images) if values else None
    return figures


SECTION = Section(__name__, figures=_figures)
