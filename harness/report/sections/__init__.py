"""The sections of the report, in the order of the page.

A new section is a folder beside these and a line here. Its `__init__.py` holds a `Section`; beside it lie, where it
needs them, `values.py` (from the records of the run, or from the values of other sections), `table.py`, `figure.py`,
and `section.md.j2` with the text.
"""

from __future__ import annotations

from harness.report.section import Section
from harness.report.sections import (
    accuracy,
    budget,
    calibration,
    classes,
    confusion_matrices,
    cost,
    early_stopping,
    environment,
    errors,
    grid_search,
    question,
    selection,
    summary,
    time,
    trials,
    verdicts,
)

SECTIONS: tuple[Section, ...] = (
    summary.SECTION,
    accuracy.SECTION,
    verdicts.SECTION,
    cost.SECTION,
    selection.SECTION,
    early_stopping.SECTION,
    budget.SECTION,
    grid_search.SECTION,
    trials.SECTION,
    confusion_matrices.SECTION,
    classes.SECTION,
    calibration.SECTION,
    errors.SECTION,
    time.SECTION,
    question.SECTION,
    environment.SECTION,
)
