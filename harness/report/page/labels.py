"""Names written beside lines and points, placed so that none covers another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from scipy.optimize import isotonic_regression

from harness.report.page.canvas import GREY, Style

LABEL_LENGTH = 26  # characters; longer names would leave a figure little room
FONT_SIZE = 8.0
DIRECTIONS = tuple((math.cos(angle), math.sin(angle)) for angle in np.arange(16) * math.pi / 8)
DISTANCES = (6.0, 11.0, 18.0, 28.0, 40.0, 56.0)  # points from a mark to its label
CONNECTED_FROM = 10.0  # points; a label nearer to its mark needs no line to it
SWEEPS = 3

Array = npt.NDArray[np.float64]


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions moved as little as possible, in least squares, until neighbours are `gap` apart; the order stays.

    Where there is no room for that between `low` and `high`, they are evenly spaced from one to the other.

    >>> spread([0.5, 0.5, 0.9], gap=0.2, low=0.0, high=1.0)
    [0.4, 0.6, 0.9]
    """
    count = len(positions)
    if count == 0:
        return []
    room = (high - low) / (count - 1) if count > 1 else gap
    steps = min(gap, room) * np.arange(count)
    order = np.argsort(positions, kind="stable")
    shifted = isotonic_regression(np.asarray(positions, dtype=np.float64)[order] - steps).x
    placed = np.empty(count)
    placed[order] = np.clip(shifted, low, high - steps[-1]) + steps
    return [float(position) for position in placed.round(9)]


def label_column(axes: Axes, heights: Sequence[float], texts: Sequence[str], styles: Sequence[Style]) -> None:
    """Names in a column right of the axes, each with its marker, joined to its height on the right border.

    Args:
        axes: whose limits and scale are final.
        heights: in data coordinates.
        texts: one for each height.
        styles: one for each height.
    """
    names = [
        axes.text(1.075, 0.5, text, transform=axes.transAxes, fontsize=FONT_SIZE, va="center_baseline")
        for text in texts
    ]
    axes.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]  # these axes are in a figure
    tallest = max((name.get_window_extent().height for name in names), default=0.0)
    natural = axes.transAxes.inverted().transform(axes.transData.transform([(1.0, y) for y in heights]))[:, 1].tolist()
    placed = spread(natural, 1.15 * tallest / axes.get_window_extent().height, 0.0, 1.0)
    for name, style, start, end in zip(names, styles, natural, placed, strict=True):
        name.set_y(end)
        joint = Line2D([1.0, 1.035], [start, end], color=style.colour, linewidth=0.8)
        marker = Line2D([1.052], [end], color=style.colour, marker=style.marker, markersize=4.5, linestyle="none")
        for line in (joint, marker):
            line.set(transform=axes.transAxes, clip_on=False)
            axes.add_artist(line)


def place_labels(
    axes: Axes, points: Sequence[tuple[float, float]], texts: Sequence[str], obstacles: Sequence[Bbox] = ()
) -> tuple[Annotation, ...]:
    """Names beside points, where they cover neither each other nor a mark nor, if it can be, an obstacle.

    Args:
        axes: of a figure that is laid out, with final limits and scale.
        points: in data coordinates.
        texts: one for each point.
        obstacles: boxes in data coordinates.
    """
    scale = axes.get_figure(root=True).dpi / 72  # type: ignore[union-attr]  # these axes are in a figure
    annotations = [_annotate(axes, point, text) for point, text in zip(points, texts, strict=True)]
    middles = axes.transData.transform(points)  # (labels, 2) pixels
    sizes = np.array([annotation.get_window_extent().size for annotation in annotations])
    distances, offsets = _offsets(sizes, scale)
    boxes = _boxes(middles[:, None] + offsets, sizes[:, None] + 2)  # (labels, places, 4)
    marks = _boxes(middles, np.full_like(middles, 8 * scale))
    crossed = [axes.transData.transform(box).ravel() for box in obstacles]
    frame = np.array([axes.get_window_extent().extents])
    area = sizes.prod(axis=1)[:, None]
    # A label at another's place cannot be read, one across a thin line can, one far away is only slower to find.
    harm = distances / 100 + 100 * (area - _overlap(boxes, frame)) / area + 100 * _overlap(boxes, marks) / area
    if crossed:
        harm = harm + 20 * _overlap(boxes, np.array(crossed)) / area
    chosen = np.zeros(len(annotations), dtype=np.int64)
    every = np.arange(len(annotations))
    for _ in range(SWEEPS):  # a label that was placed early can give way to a later one
        for label in every:
            others = boxes[every, chosen][every != label]
            chosen[label] = np.argmin(harm[label] + 100 * _overlap(boxes[label], others) / area[label])
    for label, annotation in zip(every, annotations, strict=True):
        annotation.set_position(tuple(offsets[label, chosen[label]] / scale))
        if annotation.arrow_patch is not None:
            annotation.arrow_patch.set_visible(bool(distances[chosen[label]] >= CONNECTED_FROM))
    return tuple(annotations)


def _annotate(axes: Axes, point: tuple[float, float], text: str) -> Annotation:
    annotation = axes.annotate(
        text,
        xy=point,
        xytext=(0, 0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=FONT_SIZE,
        path_effects=[withStroke(linewidth=2.0, foreground="white")],
        arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3},
        zorder=5,
    )
    annotation.set_in_layout(False)  # the layout that its place is chosen for must stay
    return annotation


def _offsets(sizes: Array, scale: float) -> tuple[Array, Array]:
    """Distances (places,) in points, and offsets (labels, places, 2) in pixels from a mark to its label's middle."""
    distances = np.repeat(DISTANCES, len(DIRECTIONS))
    directions = np.tile(DIRECTIONS, (len(DISTANCES), 1))
    return distances, directions * (distances[:, None] * scale + sizes[:, None] / 2)


def _boxes(middles: Array, sizes: Array) -> Array:
    """Boxes (..., 4) of left, bottom, right, top from middles and sizes (..., 2)."""
    return np.concatenate([middles - sizes / 2, middles + sizes / 2], axis=-1)


def _overlap(boxes: Array, others: Array) -> Array:
    """Area that each of the boxes (..., 4) shares with the others (n, 4), summed over these."""
    low = np.maximum(boxes[..., None, :2], others[:, :2])
    high = np.minimum(boxes[..., None, 2:], others[:, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=-1).sum(axis=-1), dtype=np.float64)
