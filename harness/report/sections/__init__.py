"""The sections of the report, in the order of the page.

A new section is a folder beside these and a line here. Its `__init__.py` holds a `Section`; beside it lie, where it
needs them, `values.py` (from the records of the run, or from the values of other sections), `table.py`, `figure.py`,
and `section.md.j2` with the text.
"""

from __future__ import annotations

from importlib import import_module

from harness.report.section import Section

_PAGE = (
    "summary",
    "accuracy",
    "verdicts",
    "cost",
    "selection",
    "early_stopping",
    "budget",
    "grid_search",
    "trials",
    "confusion_matrices",
    "classes",
    "calibration",
    "errors",
    "time",
    "question",
    "environment",
)
SECTIONS: tuple[Section, ...] = tuple(import_module(f"{__name__}.{name}").SECTION for name in _PAGE)
