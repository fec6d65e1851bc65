"""`python -m harness.export RUN_DIR` takes a model home: a file to serve, and a card that says what it is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from architectures import BUILT_IN, Registry
from harness.console.exit_codes import exit_codes
from harness.console.options import DataDir
from harness.errors import RunFolderError, StudyError, nearest
from harness.study import load_architectures

if TYPE_CHECKING:
    from harness.models.saved import SavedModel
    from harness.runs.reading import RunData

console = Console(highlight=False, soft_wrap=True, markup=False)


def command(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="Folder of a finished run.")],
    architecture: Annotated[
        str | None,
        typer.Option(
            "--architecture",
            metavar="NAME|SOURCE",
            help="Which one; my_net.py where it is your own.",
            show_default="the best on validation data",
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="safetensors, onnx or exported-program; may be repeated.",
            show_default="exported-program",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            help="Folder of the exported files.",
            show_default="RUN_DIR/exported/<architecture>",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write the model of the first seed with its preprocessing, check it on the test images, and describe it."""
    with exit_codes():
        for path in export(run_dir, architecture, tuple(formats or ("exported-program",)), output, data_dir):
            console.print(str(path))


def export(
    run_dir: Path, architecture: str | None, formats: Sequence[str], output: Path | None, data_dir: Path | None
) -> list[Path]:
    """Write a model of a run in these formats, and its card.

    Raises:
        HarnessError: there is no such model or format, or an exported model answers otherwise than the original.
    """
    from harness.models.deployment import FORMATS, SUFFIXES  # torch takes seconds to import
    from harness.models.saved import read_saved_model
    from harness.runs.files import write_text
    from harness.runs.reading import read_run_folder

    for kind in formats:
        if kind not in FORMATS:
            raise StudyError(f"--format {kind}: there is no such format; {nearest(kind, FORMATS)}")
    registry = BUILT_IN
    if architecture is not None and architecture not in BUILT_IN and _is_source(architecture):
        registry = load_architectures([architecture])
        [architecture] = registry.loaded.values()
    run = read_run_folder(run_dir)
    name = architecture or best_on_validation(run)
    model_json = run_dir / "models" / f"{name}.json"
    if name not in run.study.architectures or not model_json.is_file():
        saved_models = sorted(path.stem for path in (run_dir / "models").glob("*.json"))
        raise RunFolderError(f"--architecture {name}: the run kept no model of it; {nearest(name, saved_models)}")
    saved = read_saved_model(model_json)
    folder = output or run_dir / "exported" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"--output {folder}: cannot be written: {error.strerror}") from None
    test_images, expected, accuracy = original_answers(model_json, saved, data_dir, registry)
    written: list[Path] = []
    checks = []
    for kind in formats:
        path = folder / f"{name}{SUFFIXES[kind]}"
        checks.append(write_and_check(kind, path, model_json, registry, test_images, expected))
        written.append(path)
    description = folder / f"{name}.json"
    write_text(description, saved.model_dump_json(indent=2) + "\n")
    card = folder / "README.md"
    write_text(card, model_card(run, saved, checks, accuracy))
    return [*written, description, card]


def _is_source(text: str) -> bool:
    return ".py" in text or ":" in text or "." in text


def best_on_validation(run: RunData) -> str:
    """The architecture whose confirmed models are best on the validation images: the test images choose nothing.

    Raises:
        RunFolderError: none was confirmed.
    """
    from harness.report.summary import summarise

    confirmed = [
        (summary.confirm.validation_accuracy_mean, summary.name)
        for summary in summarise(run)
        if summary.confirm.validation_accuracy_mean is not None
    ]
    if not confirmed:
        raise RunFolderError("no architecture of this run was confirmed, so there is no model to export")
    return max(confirmed)[1]


def original_answers(
    model_json: Path, saved: SavedModel, data_dir: Path | None, registry: Registry
) -> tuple[Any, Any, float]:
    """Test images (N, C, H, W), the classes (N,) that the saved model gives them in fp32, and how many are right.

    Raises:
        HarnessError: the model or its data cannot be had.
    """
    import torch

    from harness.models.saved import load_model, matching_test
    from harness.training import Settings
    from harness.training.evaluation import evaluate
    from harness.training.resident import Normaliser

    test = matching_test(model_json, saved, data_dir)
    _, model = load_model(model_json, registry)
    torch.set_num_threads(saved.threads)
    settings = Settings("cpu", saved.threads, "fp32")
    result, probabilities = evaluate(model, test, Normaliser.of(saved.normalisation, "cpu"), settings)
    return test.images, probabilities.argmax(1), result.accuracy


@dataclass(frozen=True)
class Check:
    """An exported file: its format and name, and on how many test images it answered as the original did."""

    kind: str
    file: str
    images: int


def write_and_check(kind: str, path: Path, model_json: Path, registry: Registry, images: Any, expected: Any) -> Check:
    """Write one format, load it again, and ask it about every test image.

    Raises:
        RunFolderError: it answers otherwise than the original.
    """
    from harness.models.deployment import deployable, predictor, write_model

    if kind == "safetensors":
        shutil.copy(model_json.with_suffix(".safetensors"), path)
        shutil.copy(model_json, path.with_suffix(".json"))
        answers = predictor(path.with_suffix(".json"), registry)(images)
    else:
        write_model(deployable(model_json, registry), images, kind, path)
        ask = predictor(path)
        answers = ask(images)
        answers[:1] = ask(images[:1])  # any number of images, one included
    differing = int((answers.argmax(1) != expected).sum())
    if differing:
        path.unlink()
        raise RunFolderError(
            f"{path}: the exported model answers otherwise than the original on {differing} of {len(images)} test "
            "images, so it should not be used; try another --format"
        )
    return Check(kind, path.name, len(images))


def model_card(run: RunData, saved: SavedModel, checks: Sequence[Check], accuracy: float) -> str:
    """What the model is, how it came to be, how good it is, and what it is not for."""
    from harness.report.findings import find
    from harness.report.page.markdown import render_markdown
    from harness.report.sections.calibration.values import calibrations
    from harness.report.summary import in_declared_order

    findings = find(run)
    summary = next(one for one in findings.summaries if one.name == saved.architecture)
    calibration = findings.of(calibrations).get(saved.architecture)
    values = {
        "saved": saved,
        "summary": summary,
        "hyperparameters": in_declared_order(summary.architecture, saved.hyperparameters),
        "environment": run.environment,
        "dataset": run.environment.dataset,
        "study": run.study,
        "checks": checks,
        "accuracy": accuracy,
        "worst": sorted(zip(summary.classification.recall, saved.classes, strict=True))[:3]
        if summary.classification
        else [],
        "calibration_error": None if calibration is None else calibration.error,
    }
    return render_markdown("harness.report", "model_card.md.j2", values)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    app()
