"""Section "Confusion matrices": the matrix of each architecture's first model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.report.classification import READABLE_CLASSES, SHOWN_CLASSES, Classification
from harness.report.findings import Findings
from harness.report.page.canvas import ERROR_COLOURS, LIGHT_GREY, ink, new_figure, shorten
from harness.report.page.formatting import count
from harness.report.section import Figures, Keys, Section
from harness.report.summary import ArchitectureSummary


def worst_confused(classification: Classification) -> list[int]:
    """Return the classes of the pairs with the most errors in both directions, in class order."""
    both = np.triu(classification.errors + classification.errors.T)
    pairs = np.unravel_index(np.argsort(-both, axis=None, kind="stable"), both.shape)
    return sorted(pd.unique(np.stack(pairs, axis=1).ravel())[:SHOWN_CLASSES].tolist())


def largest_confusion(classification: Classification) -> tuple[int, int, int] | None:
    """Return true class, predicted class and count of the most frequent error, if there is one."""
    true, predicted = np.unravel_index(int(classification.errors.argmax()), classification.errors.shape)
    worst = int(classification.errors[true, predicted])
    return (int(true), int(predicted), worst) if worst else None


def confusion_sentence(summary: ArchitectureSummary, classes: Sequence[str]) -> str:
    """Describe the most frequent error of an architecture."""
    if summary.classification is None:
        return ""
    worst = largest_confusion(summary.classification)
    if worst is None:
        return f"{summary.title} classifies all test images correctly."
    true, predicted, number = worst
    of = int(summary.classification.support[true])
    return (
        f"The most frequent error of {summary.title}: {count(number)} of {count(of)} images of class "
        f"{classes[true]} are classified as {classes[predicted]}."
    )


CELL_NUMBERS_UP_TO = 20  # classes; with more, the numbers would be too small to read


@dataclass(frozen=True, eq=False)
class ConfusionMatrixValues:
    """Values of the figure.

    Attributes:
        title: Title of the figure.
        classes: Shortened names of the classes in the figure.
        counts: Number of test images, of shape (classes, classes). A row is a true class.
    """

    title: str
    classes: tuple[str, ...]
    counts: npt.NDArray[np.int64]


def confusion_matrix_values(
    title: str, classification: Classification, classes: Sequence[str]
) -> ConfusionMatrixValues:
    """Compute the values of the figure. With many classes, it shows the most confused ones only."""
    counts = classification.matrix
    wrong, total = int(classification.errors.sum()), int(counts.sum())
    title = f"{title}: {wrong:,} errors in {total:,} test images (seed {classification.seed})"
    if len(classes) > READABLE_CLASSES:
        shown = worst_confused(classification)
        title += f"\n{len(shown)} of {len(classes)} classes: those with the most errors"
        counts = counts[np.ix_(shown, shown)]
        classes = [classes[index] for index in shown]
    return ConfusionMatrixValues(title, tuple(shorten(name, 12) for name in classes), counts)


def draw_confusion_matrix(values: ConfusionMatrixValues) -> Figure:
    """Draw errors from white to dark. The diagonal is grey, because its counts are much larger."""
    size = len(values.classes)
    side = min(9.0, max(5.6, 0.5 * size))
    figure = new_figure(side + 0.8, side)
    axes = figure.add_subplot()
    errors = np.where(np.eye(size, dtype=bool), np.nan, values.counts)
    highest = max(1.0, float(np.nanmax(errors, initial=0.0)))
    image = axes.imshow(errors, cmap=ERROR_COLOURS, vmin=0, vmax=highest)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, label="misclassified test images")
    bar.locator = MaxNLocator(integer=True, nbins=6)
    bar.update_ticks()
    _label_axes(axes, values)
    if size <= CELL_NUMBERS_UP_TO:
        _write_counts(axes, values, highest)
    return figure


def _label_axes(axes: Axes, values: ConfusionMatrixValues) -> None:
    size = len(values.classes)
    font = min(9.0, max(4.0, 340 / size))
    upright = 90 if max(map(len, values.classes)) > 2 else 0
    axes.set_xticks(range(size), values.classes, rotation=upright, fontsize=font)
    axes.set_yticks(range(size), values.classes, fontsize=font)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.set_title(values.title, fontsize=10)
    axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=LIGHT_GREY, linewidth=0.5 if size <= CELL_NUMBERS_UP_TO else 0.25)
    axes.tick_params(which="both", length=0)


def _write_counts(axes: Axes, values: ConfusionMatrixValues, highest: float) -> None:
    font = 9.0 if len(values.classes) <= 12 else 6.0
    for (row, column), number in np.ndenumerate(values.counts):
        colour = ink(ERROR_COLOURS(number / highest)) if number else "silver"
        colour = "dimgrey" if row == column else colour
        axes.text(column, row, str(number), ha="center", va="center", fontsize=font, color=colour)


def _context(findings: Findings) -> Keys:
    classes = findings.run.environment.dataset.classes
    return {
        "confusions": {summary.name: confusion_sentence(summary, classes) for summary in findings.summaries},
        "many_classes": len(classes) > READABLE_CLASSES,
    }


def _figures(findings: Findings) -> Figures:
    classes = findings.run.environment.dataset.classes
    return {
        f"confusion_matrix_{summary.name}": draw_confusion_matrix(
            confusion_matrix_values(summary.title, summary.classification, classes)
        )
        if summary.classification
        else None
        for summary in findings.summaries
    }


SECTION = Section(__name__, _context, _figures)
