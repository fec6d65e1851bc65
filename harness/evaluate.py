"""`python -m harness.evaluate MODEL.json` loads a saved model and measures it again on the test split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from architectures import BUILT_IN, Registry
from harness.console.exit_codes import exit_codes
from harness.console.options import DataDir, ModelCode
from harness.study import load_architectures

if TYPE_CHECKING:
    from harness.models.saved import SavedModel
    from harness.records.trial import TestResult
    from harness.report.classification import Classification

console = Console(highlight=False, soft_wrap=True)


def command(
    model_json: Annotated[Path, typer.Argument(metavar="MODEL.json", help="models/<architecture>.json of a run.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="PNG", help="Confusion matrix.", show_default="in the current folder"),
    ] = None,
    own: ModelCode = None,
    data_dir: DataDir = None,
) -> None:
    """Load a saved model, print its metrics on the test split, draw its confusion matrix."""
    with exit_codes():
        registry = load_architectures([own] if own else [])
        from harness.report.classification import READABLE_CLASSES
        from harness.report.page.canvas import png
        from harness.report.sections.confusion_matrices import confusion_matrix_values, draw_confusion_matrix
        from harness.runs.files import write_bytes

        saved, result, classification = measure(model_json, data_dir, registry)
        console.print(f"{saved.architecture}, seed {saved.seed}, {saved.precision}, {result.images} test images")
        console.print(f"accuracy {result.accuracy:.2%}, loss {result.loss:.4f}")
        if result.accuracy != saved.test_accuracy:
            console.print(f"the run that saved it measured {saved.test_accuracy:.2%}, on another processor perhaps")
        console.print(class_table(classification, saved.classes))
        if len(saved.classes) <= READABLE_CLASSES:
            console.print(confusion_table(classification, saved.classes))
        path = output or Path(f"confusion_matrix_{saved.architecture}.png")
        values = confusion_matrix_values(saved.architecture, classification, saved.classes)
        write_bytes(path, png(draw_confusion_matrix(values)))
        console.print(f"figure: {path}", markup=False)


def measure(
    model_json: Path, data_dir: Path | None, registry: Registry = BUILT_IN
) -> tuple[SavedModel, TestResult, Classification]:
    """Measure a saved model as its confirm trial was measured, in the same precision and with the same threads.

    Raises:
        HarnessError: the model or the data cannot be had, or do not belong together.
    """
    import torch  # after the command line has been understood

    from harness.models.saved import load_model, matching_test
    from harness.report.classification import classify
    from harness.runs.predictions import Predictions
    from harness.training import Settings
    from harness.training.evaluation import evaluate
    from harness.training.resident import Normaliser

    saved, model = load_model(model_json, registry)
    test = matching_test(model_json, saved, data_dir)
    torch.set_num_threads(saved.threads)
    settings = Settings("cpu", saved.threads, saved.precision)
    result, probabilities = evaluate(model, test, Normaliser.of(saved.normalisation, settings.device), settings)
    predictions = Predictions.of(test.labels, probabilities)
    return saved, result, classify(predictions, len(saved.classes), saved.seed)


def class_table(classification: Classification, classes: Sequence[str]) -> Table:
    """Precision, recall and F1 of each class."""
    table = Table("class", "precision", "recall", "F1", "images", title="Per class")
    for index, name in enumerate(classes):
        metrics = (classification.precision[index], classification.recall[index], classification.f1[index])
        table.add_row(name, *(f"{value:.2%}" for value in metrics), str(classification.support[index]))
    return table


def confusion_table(classification: Classification, classes: Sequence[str]) -> Table:
    """Counts; a row is a true class, a column a predicted one."""
    table = Table("true", *classes, title="Confusion matrix: rows are true classes, columns predicted ones")
    for name, row in zip(classes, classification.matrix, strict=True):
        table.add_row(name, *(str(count) if count else "." for count in row))
    return table


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    app()
