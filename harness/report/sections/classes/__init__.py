"""Section "Results per class": precision, recall and F1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.report.classification import READABLE_CLASSES, SHOWN_CLASSES, Classification
from harness.report.findings import Findings
from harness.report.page.formatting import count, percent
from harness.report.page.table import Table, make_table
from harness.report.section import Keys, Section


def class_table(classification: Classification, classes: Sequence[str]) -> Table:
    """Create the table of per-class metrics. Of many classes, it has those with the lowest F1."""
    order = list(range(len(classes)))
    if len(classes) > READABLE_CLASSES:
        order = np.argsort(np.nan_to_num(classification.f1, nan=-1.0), kind="stable")[:SHOWN_CLASSES].tolist()
    rows = [
        {
            "Class": classes[index],
            "Precision (%)": percent(float(classification.precision[index])),
            "Recall (%)": percent(float(classification.recall[index])),
            "F1 (%)": percent(float(classification.f1[index])),
            "Test images": count(int(classification.support[index])),
        }
        for index in order
    ]
    return make_table(rows, {"Class"})


def _context(findings: Findings) -> Keys:
    names = findings.run.environment.dataset.classes
    return {
        "classes": {s.title: class_table(s.classification, names) for s in findings.summaries if s.classification},
        "many_classes": len(names) > READABLE_CLASSES,
        "shown_classes": SHOWN_CLASSES,
    }


SECTION = Section(__name__, _context)
