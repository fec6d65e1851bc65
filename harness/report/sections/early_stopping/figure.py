"""Figure of the learning curves of all search trials."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.records.trial import Phase, Status, TrialRecord
from harness.report.page.canvas import BLUE, GREY, VERMILION, legend_below, new_figure
from harness.report.page.log_axis import set_log_axis
from harness.report.summary import ArchitectureSummary

Point = tuple[int, float]
Curve = tuple[Point, ...]
PANELS_IN_A_ROW = 3


@dataclass(frozen=True)
class Panel:
    """The panel of one architecture. A point is an epoch and its validation error in percent.

    Attributes:
        title: Title of the panel.
        curves: Status and curve of each search trial with an epoch, without the winner.
        winner: Curve of the selected trial. Empty if there is none.
    """

    title: str
    curves: tuple[tuple[Status, Curve], ...]
    winner: Curve

    def ends(self, status: Status) -> list[Point]:
        """Return the last points of the trials with this status."""
        return [curve[-1] for its_status, curve in self.curves if its_status is status]


def learning_curve_values(
    summaries: Sequence[ArchitectureSummary], records: Iterable[TrialRecord], validation_images: int
) -> tuple[Panel, ...]:
    """Compute one panel for each architecture whose search completed at least one epoch.

    Args:
        summaries: Summaries of the architectures, in order.
        records: Records of all trials.
        validation_images: Number of validation images. Half an image is the smallest error on a
            logarithmic axis.
    """
    floor = 100 * 0.5 / validation_images
    curves: dict[str, list[tuple[TrialRecord, Curve]]] = defaultdict(list)
    for record in records:
        if record.spec.phase is Phase.SEARCH and record.epochs:
            curve = tuple((e.epoch, max(floor, 100 * (1 - e.validation_accuracy))) for e in record.epochs)
            curves[record.spec.architecture].append((record, curve))
    return tuple(_panel(summary, curves[summary.name]) for summary in summaries if curves[summary.name])


def _panel(summary: ArchitectureSummary, found: Sequence[tuple[TrialRecord, Curve]]) -> Panel:
    winner_id = summary.winner.trial_id if summary.winner else None
    return Panel(
        title=summary.title,
        curves=tuple((record.status, curve) for record, curve in found if record.trial_id != winner_id),
        winner=next((curve for record, curve in found if record.trial_id == winner_id), ()),
    )


def draw_learning_curves(panels: Sequence[Panel]) -> Figure:
    """Draw the panels with a common logarithmic error axis and one legend."""
    columns = min(PANELS_IN_A_ROW, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(max(5.0, 3.4 * columns), 2.9 * rows + 0.5)
    figure.set_layout_engine("constrained", h_pad=0.09)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, panel)
    for axes in list(grid.flat)[len(panels) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel("validation error (%)")
    drawn = [curve for panel in panels for curve in (panel.winner, *(curve for _, curve in panel.curves))]
    errors = [error for curve in drawn for _, error in curve]
    low, high = min(errors) / 1.2, min(100.0, max(errors) * 1.2)
    set_log_axis(grid[0, 0].yaxis, low, max(high, low * 1.5))
    legend_below(figure, columns=5 if columns > 2 else 2)
    return figure


def _draw_panel(axes: Axes, panel: Panel) -> None:
    # The more lines, the fainter each line, so that they do not add up to a black area.
    alpha = min(0.7, max(0.05, 12 / max(1, len(panel.curves))))
    axes.add_collection(
        LineCollection(
            [np.array(curve) for _, curve in panel.curves],
            colors=GREY,
            linewidths=0.7,
            alpha=alpha,
            label="search trial",
        )
    )
    axes.autoscale_view()
    _draw_ends(axes, panel.ends(Status.COMPLETED), marker="o", color=GREY, s=9, label="completed")
    _draw_ends(
        axes,
        panel.ends(Status.STOPPED_EARLY),
        marker="x",
        color=VERMILION,
        s=22,
        linewidths=1.1,
        label="stopped early by ASHA",
    )
    _draw_ends(axes, panel.ends(Status.FAILED), marker="v", color="black", s=22, label="failed")
    if panel.winner:
        epochs, errors = zip(*panel.winner, strict=True)
        axes.plot(epochs, errors, color=BLUE, linewidth=2.2, marker="o", markersize=4, label="selected trial")
    axes.set_title(panel.title, fontsize=10)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.6)
    axes.set_axisbelow(True)


def _draw_ends(axes: Axes, points: Sequence[Point], **style: object) -> None:
    if points:
        epochs, errors = zip(*points, strict=True)
        axes.scatter(epochs, errors, zorder=3, **style)  # type: ignore[arg-type]  # matplotlib's own keywords
