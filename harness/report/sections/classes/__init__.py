"""Precision, recall and F1 of each class."""

from __future__ import annotations

from harness.report.classification import READABLE_CLASSES, SHOWN_CLASSES
from harness.report.findings import Findings
from harness.report.section import Keys, Section
from harness.report.sections.classes.table import class_table


def _context(findings: Findings) -> Keys:
    names = findings.run.environment.dataset.classes
    return {
        "classes": {s.title: class_table(s.classification, names) for s in findings.summaries if s.classification},
        "many_classes": len(names) > READABLE_CLASSES,
        "shown_classes": SHOWN_CLASSES,
    }


SECTION = Section(__name__, _context)
