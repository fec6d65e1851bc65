"""`python -m harness.compare RUN_A RUN_B` says what changed between two runs, and whether results became worse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.console.exit_codes import INCOMPLETE, WORSE, errors, exit_codes

if TYPE_CHECKING:
    from harness.report.run_comparison import RunComparison


def command(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="Folder of the earlier run.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Folder of the later run.")],
    fail_if_worse: Annotated[
        float | None,
        typer.Option(
            "--fail-if-worse",
            metavar="POINTS",
            min=0.0,
            help="Exit with 4 when some architecture is worse in B by more than so many percentage points, beyond "
            "chance; with 3 when one that has a result in A cannot be compared.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE.md", help="Write the page there.", show_default="the screen"),
    ] = None,
) -> None:
    """Compare two runs: environment, study, and the test accuracy of every architecture with its uncertainty."""
    with exit_codes():
        from harness.report.comparison_page import render_comparison
        from harness.report.run_comparison import compare_runs
        from harness.runs.files import write_bytes
        from harness.runs.reading import read_run_folder

        comparison = compare_runs(read_run_folder(run_a), read_run_folder(run_b))
        page = render_comparison(str(run_a), str(run_b), comparison)
        if output is None:
            typer.echo(page, nl=False)
        else:
            write_bytes(output, page.encode())
            typer.echo(str(output))
        if fail_if_worse is not None:
            guard(comparison, fail_if_worse)


def guard(comparison: RunComparison, points: float) -> None:
    """Say which architectures became worse by more than so many percentage points, or were lost.

    Raises:
        typer.Exit: there are any.
    """
    from harness.report.page.formatting import signed_range

    worse, lost = comparison.worse_by(points), comparison.lost
    for one in worse:
        if one.comparison is not None:
            interval = signed_range(one.comparison.low_corrected, one.comparison.high_corrected)
            errors.print(f"worse by more than {points:g} points: {one.title}, {interval} points")
    for one in lost:
        errors.print(f"not comparable: {one.title} has a result in A, and none in B for the same seeds")
    if worse or lost:
        raise typer.Exit(WORSE if worse else INCOMPLETE)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    app()
