"""Figure of the test accuracies: seeds, and means with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from harness.report.page.canvas import BLUE, VERMILION, legend_below, new_figure, shorten
from harness.report.page.formatting import percent
from harness.report.page.log_axis import round_ticks
from harness.report.summary import ArchitectureSummary, ConfirmSummary, ranking
from harness.statistics.estimates import AccuracyEstimate

TITLE_LENGTH = 34  # characters
LOGARITHMIC_FROM = 8.0  # ratio of highest to lowest error; on a linear axis, good results would overlap
INTERVAL_BEYOND_POINTS = 1.0  # share of the points' span; wider intervals continue outside the figure
LEAST_SPAN = 0.25  # percentage points; a smaller span would exaggerate single images
# Vertical positions within a row of height 1, measured downwards from its middle.
MEAN_LANE, SEED_LANE, DEFAULT_LANE = -0.2, 0.06, 0.32
JITTER = 0.09


@dataclass(frozen=True)
class RankedAccuracy:
    """Test accuracy of one architecture, as fractions.

    Attributes:
        title: Title of the architecture.
        seeds: Accuracy of every seed.
        estimate: Mean accuracy with its 95 % interval.
        group: Letters of the architecture. Empty if there are none.
        default: Accuracy of every seed of the default configuration. Empty if it was selected or
            was not trained.
    """

    title: str
    seeds: tuple[float, ...]
    estimate: AccuracyEstimate
    group: str = ""
    default: tuple[float, ...] = ()


def ranked_accuracies(
    summaries: Iterable[ArchitectureSummary], groups: Mapping[str, str]
) -> tuple[RankedAccuracy, ...]:
    """Return the rows of the figure, sorted by mean test accuracy, highest first."""
    return tuple(
        RankedAccuracy(
            title=summary.title,
            seeds=_accuracies(summary.confirm),
            estimate=estimate,
            group=groups.get(summary.name, ""),
            default=() if summary.default_selected else _accuracies(summary.default),
        )
        for summary, estimate in ranking(summaries)
    )


def _accuracies(confirm: ConfirmSummary) -> tuple[float, ...]:
    return tuple(record.test.accuracy for record in confirm.records if record.test)


def axis_limits(rows: Sequence[RankedAccuracy], test_images: int) -> tuple[bool, float, float]:
    """Return whether the axis is logarithmic in the error, and both of its ends in percent."""
    points = [100 * accuracy for row in rows for accuracy in (*row.seeds, *row.default, row.estimate.mean)]
    errors = [max(_smallest_error(test_images), 100 - point) for point in points]
    if max(errors) / min(errors) >= LOGARITHMIC_FROM:
        return True, max(0.0, 100 - max(errors) * 1.25), 100 - min(errors) / 1.25
    return False, *_linear_limits(rows, points)


def _smallest_error(test_images: int) -> float:
    return 100 * 0.5 / test_images


def _linear_limits(rows: Sequence[RankedAccuracy], points: Sequence[float]) -> tuple[float, float]:
    reach = INTERVAL_BEYOND_POINTS * max(LEAST_SPAN, max(points) - min(points))
    low = max(100 * min(row.estimate.low for row in rows), min(points) - reach)
    high = min(100 * max(row.estimate.high for row in rows), max(points) + reach)
    low, high = min(low, *points), max(high, *points)
    margin = max(0.05 * (high - low), (LEAST_SPAN - (high - low)) / 2)
    return low - margin, min(high + margin, 100.0)


def _jittered(points: Sequence[float], middle: float) -> tuple[tuple[float, float], ...]:
    """Return points with their heights. Neighbours have different heights, always the same."""
    if len(points) == 1:
        return ((points[0], middle),)
    # Multiples of the golden ratio are always far apart.
    return tuple(
        (point, middle + JITTER * (2 * (number * 0.618034 % 1) - 1)) for number, point in enumerate(sorted(points))
    )


def draw_accuracy(rows: Sequence[RankedAccuracy], test_images: int) -> Figure:
    """Draw a row for each architecture: mean with interval, then seeds, then default seeds.

    Args:
        rows: At least one architecture, each with at least one seed. The best comes first.
        test_images: Number of test images. Half an image is the smallest error on a logarithmic
            axis.
    """
    figure = new_figure(8.6, 0.52 * len(rows) + 1.25)
    axes = figure.add_subplot()
    logarithmic, start, end = axis_limits(rows, test_images)
    _set_axis(axes, logarithmic, start, end)
    # An error of 0 has no place on a logarithmic axis. It would be drawn far outside, so that the
    # layout would have no room for the axes.
    highest = 100 - _smallest_error(test_images) if logarithmic else 100.0
    for place, row in enumerate(rows):
        if place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color="#F6F6F6", linewidth=0, zorder=0)
        _draw_row(axes, place, row, highest)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    letters = max(len(row.group) for row in rows)
    axes.set_yticks(range(len(rows)), [shorten(row.title, TITLE_LENGTH) for row in rows])
    axes.tick_params(axis="y", length=0, pad=6 + (12 + 6 * letters if letters else 0))
    axes.grid(axis="x", color="#E8E8E8", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    legend_below(figure, columns=3, fontsize=9)
    return figure


def _set_axis(axes: Axes, logarithmic: bool, start: float, end: float) -> None:
    if not logarithmic:
        axes.set_xlabel("test accuracy (%)")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
    else:
        axes.set_xscale("function", functions=(_minus_log_error, _accuracy_from_minus_log_error))
        axes.set_xlabel("test accuracy (%), logarithmic scale of the error")
        ticks = [100 - error for error in round_ticks(100 - end, 100 - start)]
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
    axes.set_xlim(start, end)


def _minus_log_error(accuracy: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return -np.log(np.maximum(100 - np.asarray(accuracy, dtype=np.float64), 1e-6))


def _accuracy_from_minus_log_error(place: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return 100 - np.exp(-np.asarray(place, dtype=np.float64))


def _draw_row(axes: Axes, place: int, row: RankedAccuracy, highest: float) -> None:
    height = place + MEAN_LANE
    start, end = axes.get_xlim()
    mean, low, high, *points = (
        min(100 * value, highest)
        for value in (row.estimate.mean, row.estimate.low, row.estimate.high, *row.seeds, *row.default)
    )
    axes.plot([max(low, start), min(high, end)], [height, height], color="black", linewidth=1.6, solid_capstyle="butt")
    for tip, inside, arrow in ((max(low, start), low >= start, "<"), (min(high, end), high <= end, ">")):
        marker = "|" if inside else arrow
        axes.plot([tip], [height], color="black", marker=marker, markersize=6, linestyle="none", clip_on=False)
    label = "mean of the seeds, 95 % interval"
    axes.plot([mean], [height], color="black", marker="D", markersize=5.5, linewidth=1.6, label=label, clip_on=False)
    seeds = _jittered(points[: len(row.seeds)], place + SEED_LANE)
    default = _jittered(points[len(row.seeds) :], place + DEFAULT_LANE)
    _draw_points(axes, seeds, label="seed, selected configuration", marker="o", color=BLUE, alpha=0.75, linewidths=0)
    hollow = {"facecolors": "white", "edgecolors": VERMILION}
    _draw_points(axes, default, label="seed, default configuration", marker="o", **hollow)
    across = axes.get_yaxis_transform()
    axes.text(-0.012, place, row.group, transform=across, ha="right", va="center", fontsize=10, weight="bold")
    axes.text(1.02, place + MEAN_LANE, f"{percent(row.estimate.mean)} %", transform=across, va="center", fontsize=9)


def _draw_points(axes: Axes, points: Sequence[tuple[float, float]], **style: object) -> None:
    if points:
        accuracies, heights = zip(*points, strict=True)
        axes.scatter(accuracies, heights, s=22, zorder=3, clip_on=False, **style)  # type: ignore[arg-type]  # matplotlib's own keywords
