"""The sections of the report, in the order of the page.

To add a section, create a folder here and add its name to the list. The folder's `__init__.py`
contains a `Section` and the tables, and `section.md.j2` contains the text. Computed values and
figures are in `__init__.py` while it is short, otherwise in `values.py` and `figure.py`.
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
