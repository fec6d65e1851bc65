"""A benchmark harness for image classifiers.

It compares configurations on validation data, trains the selected ones again with new seeds, and
writes a report.

>>> from harness import Study, load_run, run_study
>>> Study.load("smoke", {"confirm.seeds": 3}).confirm.seeds
3
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import Run, load_run, run_study
    from harness.study import Study

from harness.version import __version__

__all__ = ["Run", "Study", "__version__", "load_run", "run_study"]

_HOME = {"Run": "harness.api", "Study": "harness.study", "load_run": "harness.api", "run_study": "harness.api"}


def __getattr__(name: str) -> Any:
    # Imported on first use, because commands and workers do not need these names.
    if name not in _HOME:
        raise AttributeError(f"module 'harness' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
