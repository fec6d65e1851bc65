"""The main command: `python -m harness.run --all` runs a study and writes its report; wiring only."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from architectures import BUILT_IN, InputShape, Registry
from harness.console.exit_codes import DONE, INCOMPLETE, INTERRUPTED, errors, exit_codes
from harness.console.options import DataDir
from harness.console.signals import interruptible, interruption_deferred
from harness.errors import Argument, RunFolderError, StudyError
from harness.runs.provenance import command_line
from harness.runs.resume import check_at_hand, continued
from harness.study import Override, Study, know_by_description, load_architectures, load_study, own_or_known

if TYPE_CHECKING:
    from harness.records.trial import TrialRecord

console = Console(highlight=False, soft_wrap=True)


def command(
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    every: Annotated[bool, typer.Option("--all", help="Run every architecture of the study.")] = False,
    architectures: Annotated[
        list[str] | None, typer.Option("--architectures", metavar="NAME...", help="Run these architectures only.")
    ] = None,
    own: Annotated[
        list[str] | None,
        typer.Option(
            "--architecture",
            metavar="SOURCE",
            help="An architecture of your own besides, or alone: my_net.py, package.module:NAME, torchvision:resnet18, "
            "timm:MODEL; may be repeated.",
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config", metavar="NAME|PATH", help="default, smoke, full, speedrun or a file.", show_default="default"
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Run folder.", show_default="reports/<study>-<time>")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="RUN_DIR",
            help="Continue a run; finished trials are kept. With --all, --architectures, --config, --set: enlarge it.",
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="With --resume: try trials that failed once more.")
    ] = False,
    accept_changed_code: Annotated[
        bool, typer.Option("--accept-changed-code", help="With --resume: go on although the code has changed.")
    ] = False,
    seeds: Annotated[int | None, typer.Option("--seeds", metavar="N", help="Seeds of the confirm phase.")] = None,
    audit: Annotated[
        int | None, typer.Option("--audit", metavar="N", help="Stopped trials to finish, to audit early stopping.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY.PATH=VALUE", help="Change a value of the study; may be repeated."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="NAME|PATH",
            help="Other images: fashion_mnist, cifar10, ..., a folder of images by class, an .npz, a folder of IDX.",
        ),
    ] = None,
    data_dir: DataDir = None,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="ADDRESS", help="Ray cluster to join.", show_default="a local one"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    list_architectures: Annotated[bool, typer.Option("--list", help="Print the architectures and stop.")] = False,
) -> None:
    """Benchmark image classifiers: search on validation data, confirm with fresh seeds, report."""
    with exit_codes():
        registry = load_architectures(own or [])
        if list_architectures:
            from harness.console.display import architecture_table

            console.print(architecture_table(registry, InputShape(1, 28, 28), classes=10))
            return
        names = [*(architectures or []), *(more or [])]
        overrides = [] if data is None else [Override(("dataset",), own_or_known(data))]
        overrides += [Override.parse(change) for change in changes or []]
        if seeds is not None:
            overrides.append(Override(("confirm", "seeds"), seeds))
        if audit is not None:
            overrides.append(Override(("audit", "trials"), audit))
        if every and names:
            raise StudyError(f"--all stands for every architecture already; drop it, or drop {', '.join(names)}")
        if resume is not None and output is not None:
            raise StudyError(f"--resume: a run goes on in its own folder; drop --output {output}")
        if resume is None and (retry_failed or accept_changed_code):
            raise StudyError("--retry-failed and --accept-changed-code go with --resume RUN_DIR; drop them")
        place = Place(data_dir, address, dry_run)
        chosen = Chosen(every, names, registry)
        code = (
            _begin(chosen, config or "default", output, overrides, place)
            if resume is None
            else _resume(resume, chosen, config, overrides, place, retry_failed, accept_changed_code)
        )
        raise typer.Exit(code)


@dataclass(frozen=True)
class Chosen:
    """Which architectures the command names.

    Attributes:
        every: all of the study.
        names: by their names.
        registry: the architectures that there are, those of the user's own included.
    """

    every: bool
    names: Sequence[str]
    registry: Registry

    @property
    def own(self) -> tuple[str, ...]:
        """Names of the user's own."""
        return tuple(self.registry.loaded.values())


@dataclass(frozen=True)
class Place:
    """Where data are and trials run, and whether anything is run at all."""

    data_dir: Path | None
    address: str | None
    dry_run: bool


def _begin(
    chosen: Chosen,
    config: str,
    output: Path | None,
    overrides: Sequence[Override],
    place: Place,
) -> int:
    if not (chosen.every or chosen.names or chosen.own):
        raise StudyError(
            "say what to run: --all, --architectures with names (--list shows them), or --architecture with your own"
        )
    study = load_study(config, overrides, chosen.registry)
    if chosen.every:
        study = study.with_architectures(name for name in chosen.own if name not in study.architectures)
    else:
        study = study.restricted_to([*chosen.names, *chosen.own])
    now = datetime.now().astimezone()
    folder = output or Path("reports") / f"{study.name}-{now:%Y%m%d-%H%M%S}"
    return _run(study, folder, None, place)


def _resume(
    folder: Path,
    chosen: Chosen,
    config: str | None,
    overrides: Sequence[Override],
    place: Place,
    retry_failed: bool,
    accept_changed_code: bool,
) -> int:
    from harness.runs.journal import latest_records, read_journal
    from harness.runs.paths import RunFolder
    from harness.runs.resume import begun_environment, begun_study, check_code, usable

    run_folder = RunFolder.existing(folder)
    names = [*chosen.names, *chosen.own]
    with contextlib.nullcontext() if place.dry_run else run_folder.held():
        earlier = begun_environment(run_folder)
        registry = know_by_description(earlier.own_architectures if earlier is not None else (), chosen.registry)
        asked = load_study(config or str(run_folder.study), overrides, registry)
        if names and not chosen.every:
            asked = asked.restricted_to(names) if config else asked.with_architectures(names)
        if chosen.every:
            asked = asked.with_architectures([*BUILT_IN, *chosen.own])
        try:
            study = continued(begun_study(run_folder, registry), asked)
            check_at_hand(study)
        except StudyError as error:
            raise StudyError(Argument("resume", folder), ": ", *error.parts) from None
        records = latest_records(read_journal(run_folder.journal))
        finished = usable(run_folder, records, retry_failed)
        if not accept_changed_code:
            check_code(run_folder, finished, registry)
        return _run(study, folder, finished, place)


def _run(study: Study, folder: Path, finished: tuple[TrialRecord, ...] | None, place: Place) -> int:
    from harness.console.display import ConsoleDisplay, print_plan, print_results
    from harness.pipeline.benchmark import Job, run_benchmark  # the data and report packages take time to import

    print_plan(console, study, folder, None if finished is None else len(finished))
    if place.dry_run:
        return DONE
    job = Job(study, folder, finished, place.data_dir, place.address, command_line())
    again = ["python", "-m", "harness.run", "--resume", str(folder)]
    again += [word for source in study.registry.loaded for word in ("--architecture", source)]
    to_go_on = f"to go on: {shlex.join(again)}"
    try:
        with interruptible():
            done = run_benchmark(job, ConsoleDisplay(console), interruption_deferred)
    except (KeyboardInterrupt, RunFolderError) as error:
        if not (folder / "journal.jsonl").is_file():
            raise
        if isinstance(error, RunFolderError):
            raise RunFolderError(*error.parts, f"; what had finished is kept; {to_go_on}") from None
        errors.print(f"interrupted; what had finished is kept; {to_go_on}")
        return INTERRUPTED
    print_results(console, folder)
    console.print(f"report: {done.report}", markup=False)
    if not done.complete:
        errors.print(f"interrupted; {to_go_on}")
        return INTERRUPTED
    if done.without_result:
        errors.print(f"no result for {', '.join(done.without_result)}; the report says why")
        return INCOMPLETE
    return DONE


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    app()
