"""The report of a run, written from the files of its folder only: Markdown, figures, JSON and CSV.

This package may import runs, schedule, study, statistics and records, but not torch or Ray.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_report"]


def write_report(run_dir: Path) -> Path:
    """Read a run folder and write its report, figures, results and tables into it.

    Args:
        run_dir: The run folder.

    Returns:
        The path of `report.md`.

    Raises:
        HarnessError: The folder is not a run folder, is inconsistent, or cannot be written.
    """
    # A run imports this module when it starts. pandas, scikit-learn and matplotlib are imported
    # only when it ends.
    from harness.report import write

    return write.write_report(run_dir)
