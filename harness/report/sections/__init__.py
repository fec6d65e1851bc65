"""The sections of the report, in the order of the page.

A new section is a folder beside these and a line here. Its `__init__.py` holds a `Section` and the tables, and
`section.md.j2` has the text. What is computed, from the records of the run or from the values of other sections, and
what is drawn lie in the same file while it is short, otherwise beside it in `values.py` and `figure.py`.
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
