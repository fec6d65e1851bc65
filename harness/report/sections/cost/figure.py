"""Figure of the test error against training time, latency and multiply-adds, with Pareto front."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from matplotlib.transforms import Bbox

from harness.report.page.canvas import GREY, Style, new_figure, shorten, style_of
from harness.report.page.labels import LABEL_LENGTH, label_column, place_labels
from harness.report.page.log_axis import plain, set_log_axis
from harness.report.sections.cost.values import LATENCY, MULTIPLY_ADDS, TRAINING, CostPoint, Measure, pareto_front

MEASURES = (TRAINING, LATENCY, MULTIPLY_ADDS)
NAMES_IN_PANELS_UP_TO = 7  # architectures; with more, the names are beside the panels
INTERVAL_BEYOND_POINTS = 2.0  # ratio; wider intervals continue outside the panel


@dataclass(frozen=True)
class CostMark:
    """One architecture in one panel.

    Attributes:
        name: Name of the architecture.
        label: Title of the architecture.
        style: Style of the mark.
        cost: Cost in the unit of the panel's axis.
        error: Mean test error in percent.
        low: Lower end of the 95 % interval of the error.
        high: Upper end of this interval.
        on_front: Whether the architecture is on the Pareto front.
    """

    name: str
    label: str
    style: Style
    cost: float
    error: float
    low: float
    high: float
    on_front: bool


CostPanels = Mapping[Measure, Sequence[CostMark]]
"""Marks of the architectures that have a kind of cost, cheapest first."""


def cost_figure_values(points: Sequence[CostPoint], order: Sequence[str], test_images: int) -> CostPanels:
    """Compute a panel for each kind of cost that any architecture with a test accuracy has.

    Args:
        points: Points of all architectures.
        order: Names of all architectures of the report, which determine the styles.
        test_images: Number of test images. Half an image is the smallest error on a logarithmic
            axis.
    """
    floor = 100 * 0.5 / test_images
    panels = {measure: _marks(measure, points, order, floor) for measure in MEASURES}
    return {measure: marks for measure, marks in panels.items() if marks}


def _marks(measure: Measure, points: Sequence[CostPoint], order: Sequence[str], floor: float) -> list[CostMark]:
    front = pareto_front(points, measure)
    marks = [
        CostMark(
            name=point.summary.name,
            label=shorten(point.summary.title, LABEL_LENGTH),
            style=style_of(point.summary.name, order),
            cost=cost,
            error=max(floor, 100 * (1 - test.mean)),
            low=max(floor, 100 * (1 - test.high)),
            high=max(floor, 100 * (1 - test.low)),
            on_front=point in front,
        )
        for point in points
        for cost, test in [(measure.cost_of(point), point.summary.confirm.test)]
        if cost is not None and cost > 0 and test is not None
    ]
    return sorted(marks, key=lambda mark: (mark.cost, mark.error))


def draw_cost(panels: CostPanels) -> Figure:
    """Draw the panels side by side with a common logarithmic error axis."""
    figure = new_figure(max(4.6, 3.0 * len(panels) + 0.6), 3.7)
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    everywhere = {mark.name: mark for marks in panels.values() for mark in marks}
    low, high = _error_limits(list(everywhere.values()))
    for axes, (measure, marks) in zip(grid, panels.items(), strict=True):
        set_log_axis(axes.yaxis, low, high)
        _draw_panel(axes, measure, marks)
        axes.label_outer()
    grid[0].set_ylabel("test error (%), with 95 % interval")
    if max(len(marks) for marks in panels.values()) <= NAMES_IN_PANELS_UP_TO:
        figure.draw_without_rendering()  # labels need the final layout
        for axes, marks in zip(grid, panels.values(), strict=True):
            points = [(mark.cost, mark.error) for mark in marks]
            place_labels(axes, points, [mark.label for mark in marks], _obstacles(axes, marks))
    else:
        figure.set_size_inches(figure.get_figwidth() + 1.8, 4.4)
        named = everywhere.values()
        label_column(grid[-1], [m.error for m in named], [m.label for m in named], [m.style for m in named])
    return figure


def _error_limits(marks: Sequence[CostMark]) -> tuple[float, float]:
    errors = [mark.error for mark in marks]
    low = max(min(mark.low for mark in marks), min(errors) / INTERVAL_BEYOND_POINTS)
    high = min(max(mark.high for mark in marks), max(errors) * INTERVAL_BEYOND_POINTS)
    return low / 1.12, high * 1.12


def _draw_panel(axes: Axes, measure: Measure, marks: Sequence[CostMark]) -> None:
    low, high = marks[0].cost, marks[-1].cost
    margin = max(1.15, (high / low) ** 0.14)  # space for labels beside the outermost points
    set_log_axis(axes.xaxis, low / margin, high * margin, EngFormatter() if measure is MULTIPLY_ADDS else plain)
    steps = _front_steps(axes, marks)
    axes.plot(*zip(*steps, strict=True), color=GREY, linewidth=1.2, zorder=1)
    for mark in marks:
        axes.plot([mark.cost, mark.cost], [mark.low, mark.high], color=mark.style.colour, linewidth=1.0, zorder=2)
        axes.plot(
            [mark.cost],
            [mark.error],
            color=mark.style.colour,
            marker=mark.style.marker,
            markerfacecolor=mark.style.colour if mark.on_front else "white",
            markersize=7,
            linestyle="none",
            zorder=3,
            label=mark.label,
        )
    axes.set_xlabel(measure.axis)
    axes.grid(color="#EEEEEE", linewidth=0.6)
    axes.set_axisbelow(True)


def _front_steps(axes: Axes, marks: Sequence[CostMark]) -> list[tuple[float, float]]:
    """Return the corners of the Pareto front. Points above and right of it are dominated."""
    front = [mark for mark in marks if mark.on_front]
    corners = [(front[0].cost, axes.get_ylim()[1])]
    for mark in front:
        corners += [(mark.cost, corners[-1][1]), (mark.cost, mark.error)]
    return [*corners, (axes.get_xlim()[1], corners[-1][1])]


def _obstacles(axes: Axes, marks: Sequence[CostMark]) -> list[Bbox]:
    steps = _front_steps(axes, marks)
    lines = [((x0, min(y0, y1)), (x1, max(y0, y1))) for (x0, y0), (x1, y1) in itertools.pairwise(steps)]
    whiskers = [((mark.cost, mark.low), (mark.cost, mark.high)) for mark in marks]
    return [Bbox([(x0 / 1.004, y0 / 1.004), (x1 * 1.004, y1 * 1.004)]) for (x0, y0), (x1, y1) in [*lines, *whiskers]]
