"""The report of a run, from the files of its folder alone: Markdown, figures, JSON and CSV.

It may import runs, schedule, study, statistics and records, and neither torch nor Ray.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_report"]


def write_report(run_dir: Path) -> Path:
    """Read a run folder and write its report, figures, results and tables into it.

    Args:
        run_dir: the run folder.

    Returns:
        Path of `report.md`.

    Raises:
        HarnessError: the folder is not a run folder, contradicts itself, or cannot be written.
    """
    # A run imports this module when it starts; pandas, scikit-learn and matplotlib can wait until it ends.
    from harness.report import write

    return write.write_report(run_dir)
