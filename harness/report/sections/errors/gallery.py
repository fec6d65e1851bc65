"""Gallery of the test images that models misclassified with the highest confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from harness.report.page.canvas import LIGHT_GREY, new_figure, shorten
from harness.report.page.formatting import percent
from harness.report.summary import ArchitectureSummary
from harness.runs.predictions import MissedImages, Predictions

MISTAKES_IN_A_ROW = 8


@dataclass(frozen=True, eq=False)
class Tile:
    """One image, uint8 of shape (H, W) or (H, W, 3), and the text below it."""

    image: npt.NDArray[np.uint8]
    text: str


@dataclass(frozen=True, eq=False)
class Row:
    """The errors of one architecture's model, most confident first. Empty without errors."""

    title: str
    tiles: tuple[Tile, ...]


def mistakes_values(
    summaries: Sequence[ArchitectureSummary],
    predictions: Mapping[tuple[str, int], Predictions],
    missed: MissedImages,
    classes: Sequence[str],
) -> tuple[Row, ...]:
    """Compute one row for each architecture whose first confirmed model has predictions."""
    place = {int(index): position for position, index in enumerate(missed.indices)}
    rows = []
    for summary in summaries:
        found = predictions[summary.name, summary.classification.seed] if summary.classification else None
        if found is None or found.confidence is None:
            continue
        tiles = [
            Tile(
                displayable(missed.images[place[index]]),
                tile_text(classes[found.labels[index]], classes[found.predicted[index]], found.confidence[index]),
            )
            for index in confident_mistakes(found, missed.indices, MISTAKES_IN_A_ROW)
        ]
        rows.append(Row(summary.title, tuple(tiles)))
    return tuple(rows)


def confident_mistakes(predictions: Predictions, available: npt.NDArray[np.int64], limit: int) -> tuple[int, ...]:
    """Return the indices of the most confident errors, most confident first.

    Ties are in the order of the test set. Without confidences, the result is empty.

    Args:
        predictions: Predictions of one model.
        available: Indices of the test images that can be shown.
        limit: Maximum number of indices.
    """
    if predictions.confidence is None:
        return ()
    confidence = predictions.confidence
    wrong = np.flatnonzero(~predictions.correct)
    wrong = wrong[np.isin(wrong, available)]
    order = np.argsort(-confidence[wrong], kind="stable")[:limit]
    return tuple(wrong[order].tolist())


def displayable(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Convert an image (channels, H, W) to (H, W, 3), or to the mean over other channels."""
    if image.shape[0] == 3:
        return image.transpose(1, 2, 0)
    return np.asarray(image.mean(axis=0), dtype=np.uint8)


def tile_text(true: str, predicted: str, confidence: float) -> str:
    r"""Format label, prediction and confidence. Long names are on separate lines.

    >>> tile_text("4", "9", 0.9987)
    '4 → 9\n99.87 %'
    """
    apart = " → " if len(true) + len(predicted) <= 8 else " →\n"
    return f"{shorten(true, 12)}{apart}{shorten(predicted, 12)}\n{percent(confidence)} %"


def draw_mistakes(rows: Sequence[Row]) -> Figure:
    """Draw a row of images for each architecture, with the most confident error on the left."""
    lines = max((tile.text.count("\n") for row in rows for tile in row.tiles), default=1) + 1
    figure = new_figure(1.1 * MISTAKES_IN_A_ROW + 1.2, (1.0 + 0.17 * lines) * len(rows))
    grid = figure.subplots(len(rows), MISTAKES_IN_A_ROW, squeeze=False)
    for line, row in zip(grid, rows, strict=True):
        for axes in line:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for axes, tile in zip(line, row.tiles, strict=False):
            axes.spines[:].set(visible=True, color=LIGHT_GREY)
            axes.imshow(tile.image, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
            axes.set_xlabel(tile.text, fontsize=8)
        line[0].set_ylabel(row.title, fontsize=9, rotation=0, ha="right", va="center", labelpad=8)
        if not row.tiles:
            line[0].text(0.0, 0.5, "no errors to show", transform=line[0].transAxes, fontsize=8, va="center")
    return figure
