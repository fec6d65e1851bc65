"""The main command: `python -m harness.run --all` runs a study and writes its report; wiring only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from architectures import InputShape
from harness.errors import StudyError
from harness.exit_codes import DONE, INCOMPLETE, INTERRUPTED, errors, exit_codes
from harness.provenance import command_line
from harness.study import Override, load_study

if TYPE_CHECKING:
    from harness.benchmark import Job

console = Console(highlight=False, soft_wrap=True)


def command(
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    every: Annotated[bool, typer.Option("--all", help="Run every architecture of the study.")] = False,
    architectures: Annotated[
        list[str] | None, typer.Option("--architectures", metavar="NAME...", help="Run these architectures only.")
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config", metavar="NAME|PATH", help="default, smoke, full, speedrun or a file. [default: default]"
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Run folder. [default: reports/<study>-<time>]")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="RUN_DIR", help="Continue a run; finished trials are kept.")
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", metavar="N", help="Seeds of the confirm phase.")] = None,
    audit: Annotated[
        int | None, typer.Option("--audit", metavar="N", help="Stopped trials to finish, to audit early stopping.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY.PATH=VALUE", help="Change a value of the study; may be repeated."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", metavar="DIR", help="Folder of the data files.")
    ] = None,
    address: Annotated[
        str | None, typer.Option("--address", metavar="ADDRESS", help="Ray cluster to join. [default: a local one]")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    list_architectures: Annotated[bool, typer.Option("--list", help="Print the architectures and stop.")] = False,
) -> None:
    """Benchmark image classifiers: search on validation data, confirm with fresh seeds, report."""
    with exit_codes():
        if list_architectures:
            from harness.display import architecture_table

            console.print(architecture_table(InputShape(1, 28, 28), classes=10))
            return
        names = [*(architectures or []), *(more or [])]
        overrides = [Override.parse(change) for change in changes or []]
        if seeds is not None:
            overrides.append(Override(("confirm", "seeds"), seeds))
        if audit is not None:
            overrides.append(Override(("audit", "trials"), audit))
        if resume is not None and (config or output or names or overrides):
            raise StudyError(
                "--resume: a run goes on as it began; drop --config, --output, --set, --seeds, --audit and names"
            )
        code = (
            _begin(names, every, config or "default", output, overrides, data_dir, address, dry_run)
            if resume is None
            else _resume(resume, data_dir, address, dry_run)
        )
        raise typer.Exit(code)


def _begin(
    names: Sequence[str],
    every: bool,
    config: str,
    output: Path | None,
    overrides: Sequence[Override],
    data_dir: Path | None,
    address: str | None,
    dry_run: bool,
) -> int:
    if every and names:
        raise StudyError(f"--all stands for every architecture already; drop it, or drop {', '.join(names)}")
    if not every and not names:
        raise StudyError("say what to run: either --all, or --architectures with names (--list shows them)")
    study = load_study(config, overrides)
    if names:
        study = study.restricted_to(names)
    from harness.benchmark import Job  # the data and report packages take time to import

    now = datetime.now().astimezone()
    folder = output or Path("reports") / f"{study.name}-{now:%Y%m%d-%H%M%S}"
    return _run(Job(study, folder, None, data_dir, address, command_line()), dry_run)


def _resume(folder: Path, data_dir: Path | None, address: str | None, dry_run: bool) -> int:
    from harness.benchmark import Job
    from harness.journal import read_journal
    from harness.run_folder import RunFolder

    run_folder = RunFolder.existing(folder)
    study = load_study(str(run_folder.study))
    finished = read_journal(run_folder.journal)
    return _run(Job(study, folder, finished, data_dir, address, command_line()), dry_run)


def _run(job: Job, dry_run: bool) -> int:
    from harness.benchmark import run_benchmark
    from harness.display import ConsoleDisplay
    from harness.plan import plan_search

    display = ConsoleDisplay(console)
    if dry_run:
        display.plan(job, plan_search(job.study, "unknown"))
        return DONE
    finished = run_benchmark(job, display)
    display.results(job.folder)
    console.print(f"report: {finished.report}", markup=False)
    if not finished.complete:
        errors.print(f"interrupted; to go on: python -m harness.run --resume {job.folder}")
        return INTERRUPTED
    if finished.without_result:
        errors.print(f"no result for {', '.join(finished.without_result)}; the report says why")
        return INCOMPLETE
    return DONE


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    app()
