"""The command `python -m harness.report RUN_DIR`, which rebuilds the report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.console.exit_codes import exit_codes
from harness.report import write_report


def command(
    run_dir: Annotated[Path, typer.Argument(help="The run folder.")],
) -> None:
    """Rebuild the report of a run from its records: pages, figures, results.json and CSV files."""
    with exit_codes():
        typer.echo(str(write_report(run_dir)))


if __name__ == "__main__":
    typer.run(command)
