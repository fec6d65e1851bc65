"""Which test images the architectures miss, which of them are wrongly labelled, and where models were most sure."""

from __future__ import annotations

from harness.report.findings import Findings
from harness.report.section import Figures, Keys, Section
from harness.report.sections.errors.figure import draw_overlap, overlap_figure_values
from harness.report.sections.errors.gallery import draw_mistakes, mistakes_values
from harness.report.sections.errors.label_errors import MNIST_LABEL_ERRORS, label_errors
from harness.report.sections.errors.table import label_errors_table, overlap_table
from harness.report.sections.errors.values import overlap, overlap_sentence


def _context(findings: Findings) -> Keys:
    found, titles = findings.of(overlap), findings.titles
    return {
        "overlap": overlap_table(found, titles) if found else None,
        "overlap_sentence": overlap_sentence(found) if found else "",
        "label_errors": label_errors_table(label_errors(findings), titles),
        "label_errors_number": len(MNIST_LABEL_ERRORS),
    }


def _figures(findings: Findings) -> Figures:
    run, found = findings.run, findings.of(overlap)
    values = overlap_figure_values(found, findings.titles) if found else None
    rows = (
        mistakes_values(findings.summaries, run.predictions, run.missed, run.environment.dataset.classes)
        if run.missed
        else ()
    )
    return {
        "error_overlap": draw_overlap(values) if values else None,
        "most_confidently_wrong": draw_mistakes(rows) if rows else None,
    }


SECTION = Section(__name__, _context, _figures)
