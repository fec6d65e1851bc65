"""Figure of the expected best validation error against the budget of the search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from harness.report.page.canvas import GREY, Style, new_figure, shorten, style_of
from harness.report.page.labels import LABEL_LENGTH, label_column, spread
from harness.report.page.log_axis import set_log_axis
from harness.report.sections.budget.values import BudgetCurve, leaders, training_time

SURVIVORS = "*"
POINTS_OF_A_LINE = 200
MARKED_TRIALS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
TRIAL_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
LEAD_CHANGES_SHOWN = 6
LABEL_WIDTH = 0.035  # share of the panel's width, for vertical text


@dataclass(frozen=True)
class BudgetLine:
    """The line of one architecture.

    Attributes:
        label: Title of the architecture. It has an asterisk if no stopped trial was audited, so
            that the line is estimated from trials that early stopping did not stop.
        style: Style of the line.
        trials: Number of trials at each point, from 1 to the number of configurations tried.
        seconds: Training time of these trials.
        errors: Expected validation error of the best of these trials, in percent.
        marked: Indices of the points with a marker.
    """

    label: str
    style: Style
    trials: tuple[float, ...]
    seconds: tuple[float, ...]
    errors: tuple[float, ...]
    marked: tuple[int, ...]


@dataclass(frozen=True)
class BudgetFigure:
    """Values of the figure.

    Attributes:
        lines: One line for each architecture with a curve.
        lead_changes: Training times in seconds at which another architecture takes the lead. Empty
            if there are too many to draw.
        survivors: Whether any label has an asterisk.
    """

    lines: tuple[BudgetLine, ...]
    lead_changes: tuple[float, ...]
    survivors: bool


def budget_figure_values(curves: Sequence[BudgetCurve], order: Sequence[str], validation_images: int) -> BudgetFigure:
    """Compute the values of the figure.

    Args:
        curves: At least one curve.
        order: Names of all architectures of the report, which determine the styles.
        validation_images: Number of validation images. Half an image is the smallest error on a
            logarithmic axis.
    """
    floor = 100 * 0.5 / validation_images
    changes = tuple(lead.start for lead in leaders(curves)[1:])
    return BudgetFigure(
        lines=tuple(_line(curve, style_of(curve.name, order), floor) for curve in curves),
        lead_changes=changes if len(changes) <= LEAD_CHANGES_SHOWN else (),
        survivors=any(curve.unaudited for curve in curves),
    )


def _line(curve: BudgetCurve, style: Style, floor: float) -> BudgetLine:
    last = len(curve.accuracies)
    marked = [number for number in MARKED_TRIALS if number < last] + [last]
    trials = np.union1d(np.geomspace(1, last, POINTS_OF_A_LINE), np.array(marked, dtype=np.float64))
    return BudgetLine(
        label=shorten(curve.title, LABEL_LENGTH) + (SURVIVORS if curve.unaudited else ""),
        style=style,
        trials=tuple(trials.tolist()),
        seconds=tuple((trials * curve.seconds_per_trial).tolist()),
        errors=tuple(np.maximum(floor, 100 * (1 - curve.at_trials(trials))).tolist()),
        marked=tuple(np.searchsorted(trials, marked).tolist()),
    )


def draw_budget(values: BudgetFigure) -> Figure:
    """Draw two panels with a common logarithmic error axis, and the labels at the right."""
    figure = new_figure(9.6, max(3.9, 0.24 * len(values.lines) + 1.4))
    by_trials, by_seconds = figure.subplots(1, 2, sharey=True)
    for line in values.lines:
        _draw_line(by_trials, line, line.trials)
        _draw_line(by_seconds, line, line.seconds)
    _set_axes(by_trials, values, [trial for line in values.lines for trial in line.trials], "configurations tried")
    every_second = [second for line in values.lines for second in line.seconds]
    _set_axes(by_seconds, values, every_second, "training time (s)")
    by_trials.xaxis.set_major_locator(FixedLocator(TRIAL_TICKS))
    by_trials.set_ylabel("expected best validation error (%)")
    by_seconds.tick_params(labelleft=False)
    right = by_seconds.get_xlim()[1]
    for line in values.lines:
        level = [line.errors[-1], line.errors[-1]]
        by_seconds.plot([line.seconds[-1], right], level, color=line.style.colour, linewidth=0.6, linestyle=":")
    _mark_lead_changes(by_seconds, values.lead_changes)
    if values.survivors:
        figure.supxlabel(
            f"{SURVIVORS} error too low: estimated only from trials that early stopping did not stop", fontsize=8
        )
    label_column(
        by_seconds,
        [line.errors[-1] for line in values.lines],
        [line.label for line in values.lines],
        [line.style for line in values.lines],
    )
    return figure


def _mark_lead_changes(axes: Axes, changes: Sequence[float]) -> None:
    low, high = axes.get_xlim()
    natural = [math.log(second / low) / math.log(high / low) for second in changes]
    for second, start, end in zip(changes, natural, spread(natural, LABEL_WIDTH, 0.0, 1.0), strict=True):
        axes.axvline(second, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(
            training_time(second),
            xy=(start, 1.0),
            xycoords="axes fraction",
            xytext=(end, 1.03),
            textcoords="axes fraction",
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=8,
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0},
        )


def _draw_line(axes: Axes, line: BudgetLine, budget: Sequence[float]) -> None:
    axes.plot(
        budget,
        line.errors,
        color=line.style.colour,
        linestyle=line.style.line,
        linewidth=1.6,
        marker=line.style.marker,
        markersize=4.5,
        markevery=list(line.marked),
        label=line.label,
    )


def _set_axes(axes: Axes, values: BudgetFigure, budgets: Sequence[float], label: str) -> None:
    errors = [error for line in values.lines for error in line.errors]
    set_log_axis(axes.yaxis, min(errors) / 1.15, max(errors) * 1.15)
    set_log_axis(axes.xaxis, min(budgets) / 1.12, max(budgets) * 1.12)
    axes.set_xlabel(label)
    axes.grid(color="#EEEEEE", linewidth=0.6)
    axes.set_axisbelow(True)
