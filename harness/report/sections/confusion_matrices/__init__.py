"""The confusion matrix of each architecture's first model."""

from __future__ import annotations

from harness.report.classification import READABLE_CLASSES
from harness.report.findings import Findings
from harness.report.section import Figures, Keys, Section
from harness.report.sections.confusion_matrices.figure import confusion_matrix_values, draw_confusion_matrix
from harness.report.sections.confusion_matrices.values import confusion_sentence


def _context(findings: Findings) -> Keys:
    classes = findings.run.environment.dataset.classes
    return {
        "confusions": {summary.name: confusion_sentence(summary, classes) for summary in findings.summaries},
        "many_classes": len(classes) > READABLE_CLASSES,
    }


def _figures(findings: Findings) -> Figures:
    classes = findings.run.environment.dataset.classes
    return {
        f"confusion_matrix_{summary.name}": draw_confusion_matrix(
            confusion_matrix_values(summary.title, summary.classification, classes)
        )
        if summary.classification
        else None
        for summary in findings.summaries
    }


SECTION = Section(__name__, _context, _figures)
