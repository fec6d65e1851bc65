"""Section "Grid search": validation accuracy over the grid of each architecture that has one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from architectures import Architecture
from harness.records.trial import Phase, Scalar, Status, TrialRecord
from harness.report.findings import Findings
from harness.report.page.canvas import ERROR_COLOURS, ink, new_figure
from harness.report.page.formatting import assignments, percent, scalar
from harness.report.page.log_axis import round_ticks
from harness.report.section import Figures, Section
from harness.study.space import Grid, Space

CELL_TEXT_UP_TO = 100  # cells of a panel; with more, text does not fit
PANELS_IN_A_ROW = 4
HATCHES = {Status.STOPPED_EARLY: "//", Status.FAILED: "xx"}


@dataclass(frozen=True)
class Axis:
    """A hyperparameter of the grid with its values."""

    name: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class GridValues:
    """Values of the figure.

    Attributes:
        rows: Hyperparameter of the vertical axis.
        columns: Hyperparameter of the horizontal axis.
        panels: Values of the other grid hyperparameters. Each combination is one panel.
        trials: Trial of each point, as `trials[panel][row][column]`. None if none was run.
        winner: The selected trial.
    """

    rows: Axis
    columns: Axis
    panels: tuple[Mapping[str, Scalar], ...]
    trials: tuple[tuple[tuple[TrialRecord | None, ...], ...], ...]
    winner: TrialRecord | None


def grid_axes(architecture: Architecture, space: Space) -> tuple[Axis, ...]:
    """Return the hyperparameters with a grid of two or more values, in the declared order."""
    parameters = ((name, space.get(name)) for name in architecture.hyperparameters.model_fields)
    return tuple(Axis(name, _ascending(p.grid)) for name, p in parameters if isinstance(p, Grid) and len(p.grid) > 1)


def _ascending(values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    numbers = all(isinstance(value, int | float) for value in values)
    return tuple(sorted(values)) if numbers else values


def grid_values(axes: Sequence[Axis], records: Iterable[TrialRecord], winner: TrialRecord | None) -> GridValues | None:
    """Compute the values of the figure. None if fewer than two hyperparameters have a grid.

    The first hyperparameter is vertical, the last is horizontal, and the others form panels. If
    several trials share a point, it shows the best completed one, or else the one with the most
    epochs.

    Args:
        axes: The result of `grid_axes`.
        records: Records of the architecture.
        winner: The selected trial.
    """
    if len(axes) < 2:
        return None
    best: dict[tuple[Scalar, ...], TrialRecord] = {}
    for record in records:
        if record.spec.phase is Phase.SEARCH:
            point = tuple(record.spec.hyperparameters[axis.name] for axis in axes)
            best[point] = max(best.get(point, record), record, key=_merit)
    rows, *between, columns = axes
    panels = tuple(itertools.product(*(axis.values for axis in between)))
    return GridValues(
        rows=rows,
        columns=columns,
        panels=tuple({axis.name: v for axis, v in zip(between, panel, strict=True)} for panel in panels),
        trials=tuple(
            tuple(tuple(best.get((row, *panel, column)) for column in columns.values) for row in rows.values)
            for panel in panels
        ),
        winner=winner,
    )


def _merit(record: TrialRecord) -> tuple[bool, int, float]:
    accuracy = record.last_epoch.validation_accuracy if record.last_epoch else -1.0
    completed = record.status is Status.COMPLETED
    return completed, 0 if completed else len(record.epochs), accuracy


def cell_text(trial: TrialRecord | None) -> str:
    """Format a cell: accuracy in percent, and the epoch at which an incomplete trial ended."""
    if trial is None:
        return "not run"
    if trial.status is Status.FAILED:
        return f"failed\nepoch {len(trial.epochs) + 1}"
    accuracy = percent(trial.epochs[-1].validation_accuracy)
    return accuracy if trial.status is Status.COMPLETED else f"{accuracy}\nstopped\nepoch {len(trial.epochs)}"


def _error(trial: TrialRecord | None) -> float:
    """Return the validation error after the last epoch, in percent. NaN if there is none."""
    return 100 * (1 - trial.last_epoch.validation_accuracy) if trial and trial.last_epoch else math.nan


def draw_grid_heat_maps(title: str, values: GridValues, validation_images: int) -> Figure:
    """Draw one panel for each combination. The colour is the logarithmic validation error."""
    columns = min(PANELS_IN_A_ROW, len(values.panels))
    rows = math.ceil(len(values.panels) / columns)
    width = min(4.5, max(2.6, 0.85 * len(values.columns.values)))
    height = min(4.5, max(2.2, 0.75 * len(values.rows.values)))
    figure = new_figure(width * columns + 1.8, (height + 0.5) * rows + 0.7)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    floor = 100 * 0.5 / validation_images  # zero has no logarithm
    errors = np.maximum(floor, [[[_error(trial) for trial in line] for line in panel] for panel in values.trials])
    known = errors[~np.isnan(errors)] if not np.isnan(errors).all() else np.ones(1)
    norm = LogNorm(known.min(), max(known.max(), 1.1 * known.min()), clip=True)
    for axes, panel, place in zip(grid.flat, values.panels, itertools.count(), strict=False):
        _draw_panel(axes, values, place, errors[place], norm)
        axes.set_title(assignments(panel) if panel else "", fontsize=10)
    for axes in list(grid.flat)[len(values.panels) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel(values.rows.name)
    for axes in list(grid.flat)[len(values.panels) - columns : len(values.panels)]:
        axes.set_xlabel(values.columns.name)
        axes.tick_params(labelbottom=True)
    bar = figure.colorbar(
        ScalarMappable(norm, ERROR_COLOURS),
        ax=list(grid.flat),
        label="validation error (%)",
        pad=0.02,
    )
    bar.ax.yaxis.set_major_locator(FixedLocator(round_ticks(float(norm.vmin or 0), float(norm.vmax or 1))))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    figure.suptitle(f"{title}: validation accuracy (%) over the grid", fontsize=11)
    return figure


def _draw_panel(axes: Axes, values: GridValues, panel: int, errors: npt.NDArray[np.float64], norm: LogNorm) -> None:
    axes.imshow(errors, cmap=ERROR_COLOURS, norm=norm, aspect="auto")
    axes.set_xticks(range(len(values.columns.values)), [scalar(value) for value in values.columns.values])
    axes.set_yticks(range(len(values.rows.values)), [scalar(value) for value in values.rows.values])
    axes.tick_params(length=0)
    for (row, column), error in np.ndenumerate(errors):
        trial = values.trials[panel][row][column]
        selected = trial is not None and values.winner is not None and trial.trial_id == values.winner.trial_id
        if trial and trial.status in HATCHES:
            axes.add_patch(_outline(row, column, hatch=HATCHES[trial.status], linewidth=0, alpha=0.2))
        if selected:
            axes.add_patch(_outline(row, column, linewidth=3, zorder=4, clip_on=False))
        if errors.size <= CELL_TEXT_UP_TO:
            axes.text(
                column,
                row,
                cell_text(trial),
                ha="center",
                va="center",
                fontsize=8.5 if trial and trial.status is Status.COMPLETED else 7.5,
                color="black" if math.isnan(error) else ink(ERROR_COLOURS(float(norm(error)))),
                weight="bold" if selected else "normal",
            )


def _outline(row: int, column: int, **style: Any) -> Rectangle:
    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="black", **style)


def _figures(findings: Findings) -> Figures:
    run = findings.run
    figures = {}
    for summary in findings.summaries:
        records = [record for record in run.records if record.spec.architecture == summary.name]
        axes = grid_axes(summary.architecture, run.study.space(summary.name))
        values = grid_values(axes, records, summary.winner) if records else None
        images = run.environment.dataset.validation
        figures[f"grid_{summary.name}"] = draw_grid_heat_maps(summary.title, values, images) if values else None
    return figures


SECTION = Section(__name__, figures=_figures)
