"""The table of the classes of one model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.report.classification import READABLE_CLASSES, SHOWN_CLASSES, Classification
from harness.report.page.formatting import count, percent
from harness.report.page.table import Table, make_table


def class_table(classification: Classification, classes: Sequence[str]) -> Table:
    """Precision, recall and F1 of each class, in percent; of many classes, those of lowest F1, the worst first."""
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
