"""The command `python -m harness.export RUN_DIR`, which exports a model with a model card."""

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
            help="Name of the architecture, or the source of your own.",
            show_default="highest validation accuracy in the confirm phase",
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="safetensors, onnx or exported-program. May be repeated.",
            show_default="exported-program",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Output folder.", show_default="RUN_DIR/exported/<architecture>"),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Export the model of the first seed with its preprocessing and a model card.

    Each exported file is checked: it must predict the same classes for all test images.
    """
    with exit_codes():
        for path in export(run_dir, architecture, tuple(formats or ("exported-program",)), output, data_dir):
            console.print(str(path))


def export(
    run_dir: Path, architecture: str | None, formats: Sequence[str], output: Path | None, data_dir: Path | None
) -> list[Path]:
    """Export the first seed's model of an architecture, with a model card.

    Args:
        run_dir: The run folder.
        architecture: Name or source of the architecture; None for the one with the highest
            validation accuracy in the confirm phase.
        formats: Any of `safetensors`, `onnx` and `exported-program`.
        output: Output folder; None for `exported/<architecture>` in the run folder.
        data_dir: Folder of the data files; None for the user's cache.

    Returns:
        Paths of all written files.

    Raises:
        HarnessError: There is no such model or format, or the predictions of an exported model
            differ from those of the original.
    """
    from harness.models.deployment import FORMATS, SUFFIXES  # torch takes seconds to import
    from harness.models.saved import read_saved_model
    from harness.runs.files import write_text
    from harness.runs.reading import read_run_folder

    for kind in formats:
        if kind not in FORMATS:
            raise StudyError(f"--format {kind}: unknown format; {nearest(kind, FORMATS)}")
    registry = BUILT_IN
    if architecture is not None and architecture not in BUILT_IN and _is_source(architecture):
        registry = load_architectures([architecture])
        [architecture] = registry.loaded.values()
    run = read_run_folder(run_dir)
    name = architecture or best_on_validation(run)
    model_json = run_dir / "models" / f"{name}.json"
    if name not in run.study.architectures or not model_json.is_file():
        saved_models = sorted(path.stem for path in (run_dir / "models").glob("*.json"))
        remedy = nearest(name, saved_models) if saved_models else f"{run_dir / 'models'} contains no models at all"
        raise RunFolderError(f"--architecture {name}: the run has no model of this architecture; {remedy}")
    saved = read_saved_model(model_json)
    folder = output or run_dir / "exported" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"--output {folder}: cannot be written: {error.strerror}; give another folder") from None
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
    """Return the architecture with the highest mean validation accuracy in the confirm phase.

    The test split is not used for this choice.

    Raises:
        RunFolderError: No architecture was confirmed.
    """
    from harness.report.summary import summarise

    confirmed = [
        (summary.confirm.validation_accuracy_mean, summary.name)
        for summary in summarise(run)
        if summary.confirm.validation_accuracy_mean is not None
    ]
    if not confirmed:
        raise RunFolderError(
            "there is no model to export, because no architecture of this run was confirmed; resume the run first"
        )
    return max(confirmed)[1]


def original_answers(
    model_json: Path, saved: SavedModel, data_dir: Path | None, registry: Registry
) -> tuple[Any, Any, float]:
    """Evaluate a saved model in fp32.

    Returns:
        Test images (N, C, H, W), predicted classes (N,), and the accuracy.

    Raises:
        HarnessError: The model or its data cannot be loaded.
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
    """Result of the check of an exported file.

    Attributes:
        kind: Format of the file.
        file: Name of the file.
        images: Number of test images with the same predicted class as the original model.
    """

    kind: str
    file: str
    images: int


def write_and_check(kind: str, path: Path, model_json: Path, registry: Registry, images: Any, expected: Any) -> Check:
    """Write one format, load it again, and compare its predictions for all test images.

    Raises:
        RunFolderError: The predictions differ from those of the original.
    """
    from harness.models.deployment import deployable, predictor, write_model

    if kind == "safetensors":
        shutil.copy(model_json.with_suffix(".safetensors"), path)
        shutil.copy(model_json, path.with_suffix(".json"))
        answers = predictor(path.with_suffix(".json"), registry)(images)
    else:
        write_model(deployable(model_json, registry), images, kind, path)
        predict = predictor(path)
        answers = predict(images)
        answers[:1] = predict(images[:1])  # checks that a single image is accepted too
    differing = int((answers.argmax(1) != expected).sum())
    if differing:
        path.unlink()
        raise RunFolderError(
            f"{path}: the exported model predicts another class than the original for {differing} of {len(images)} "
            "test images, so the file was removed; try another --format"
        )
    return Check(kind, path.name, len(images))


def model_card(run: RunData, saved: SavedModel, checks: Sequence[Check], accuracy: float) -> str:
    """Return the model card as Markdown: model, training, accuracy and limitations."""
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
