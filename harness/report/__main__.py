"""`python -m harness.report RUN_DIR` rebuilds the report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.console.exit_codes import exit_codes
from harness.report import write_report


def command(
    run_dir: Annotated[Path, typer.Argument(help="Folder of the run, as the benchmark wrote it.")],
) -> None:
    """Rebuild report.md, its figures, results.json, trials.csv and epochs.csv from the records of a run."""
    with exit_codes():
        typer.echo(str(write_report(run_dir)))


if __name__ == "__main__":
    typer.run(command)
