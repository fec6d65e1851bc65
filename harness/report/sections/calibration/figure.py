"""Reliability diagrams: accuracy and number of images against confidence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from harness.report.page.canvas import BLUE, DOTS_PER_INCH, GREY, LIGHT_GREY, shorten
from harness.report.page.formatting import percent
from harness.report.page.log_axis import plain, set_log_axis
from harness.report.sections.calibration.values import Calibration

PANELS_IN_A_ROW = 4
# Inches, horizontally: left margin, side of a panel, gap between panels. Vertically: title, gap
# between panel and bars, height of the bars, space below them.
LEFT, PANEL, BETWEEN = 0.9, 2.45, 0.2
TITLE, GAP, BARS, BELOW = 0.62, 0.12, 0.6, 0.55
LEAST_START = 50.0  # percent; the axis of confidence starts here or lower
TITLE_LENGTH = 30  # characters
FEWEST_IMAGES = 0.7  # lower end of the axis of images, so that a bin with one image has a visible bar


def excess_text(excess: float) -> str:
    """Describe the mean confidence minus accuracy.

    >>> excess_text(0.0021), excess_text(-0.01), excess_text(0.00001)
    ('overconfident by 0.21 points', 'underconfident by 1.00 points', 'confidence equals accuracy')
    """
    points = percent(abs(excess))
    if points == percent(0.0):
        return "confidence equals accuracy"
    return f"{'over' if excess > 0 else 'under'}confident by {points} points"


def draw_calibration(models: Sequence[tuple[str, Calibration]]) -> Figure:
    """Draw two axes for each model: accuracy above, number of images (logarithmic) below.

    Args:
        models: Title and calibration of each model, in the order of the panels.
    """
    columns = min(3 if len(models) in (5, 6) else PANELS_IN_A_ROW, len(models))
    rows = math.ceil(len(models) / columns)
    width, height = LEFT + columns * (PANEL + BETWEEN), rows * (TITLE + PANEL + GAP + BARS + BELOW)
    # No layout engine: it would take seconds for so many axes, and the space for labels is known.
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    first = min(LEAST_START, *(100 * calibration.bins[0].start for _, calibration in models))
    most = max(one.images for _, calibration in models for one in calibration.bins)
    for place, (title, calibration) in enumerate(models):
        row, column = divmod(place, columns)
        left = LEFT + column * (PANEL + BETWEEN)
        top = height - row * (TITLE + PANEL + GAP + BARS + BELOW) - TITLE
        bottom = top - PANEL - GAP - BARS
        upper = figure.add_axes((left / width, (top - PANEL) / height, PANEL / width, PANEL / height))
        lower = figure.add_axes((left / width, bottom / height, PANEL / width, BARS / height))
        _draw_reliability(upper, calibration)
        upper.set_title(shorten(title, TITLE_LENGTH), fontsize=10, pad=27)
        _draw_images(lower, calibration, most)
        for axes in (upper, lower):
            axes.set_xlim(first - 2, 102)
            axes.tick_params(labelleft=column == 0)
        upper.tick_params(labelbottom=False)
        if column == 0:
            upper.set_ylabel("accuracy (%)")
            lower.set_ylabel("images")
            for axes in (upper, lower):
                axes.yaxis.set_label_coords(-0.25, 0.5)
    return figure


def _draw_reliability(axes: Axes, calibration: Calibration) -> None:
    confidence, accuracy, low, high = (
        [100 * getattr(one, name) for one in calibration.bins] for name in ("confidence", "accuracy", "low", "high")
    )
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=1.0, linestyle="--", zorder=1)
    axes.vlines(confidence, low, high, color=BLUE)
    axes.plot(confidence, accuracy, color=BLUE, marker="o", markersize=4.5, linestyle="none", zorder=3)
    axes.set_ylim(-3, 103)
    text = f"expected calibration error {percent(calibration.error)} points\n{excess_text(calibration.excess)}"
    axes.text(0.5, 1.02, text, transform=axes.transAxes, fontsize=8, ha="center", va="bottom")
    axes.grid(color="#EEEEEE", linewidth=0.6)
    axes.set_axisbelow(True)


def _draw_images(axes: Axes, calibration: Calibration, most: int) -> None:
    axes.bar(
        [100 * one.start for one in calibration.bins],
        [one.images for one in calibration.bins],
        width=[100 * (one.end - one.start) for one in calibration.bins],
        align="edge",
        color=LIGHT_GREY,
        edgecolor=GREY,
        linewidth=0.8,
    )
    set_log_axis(axes.yaxis, FEWEST_IMAGES, max(10.0, 2.0 * most), plain)
    axes.set_xlabel("confidence (%)")
