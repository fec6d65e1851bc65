"""Placement of labels beside lines and points without overlaps."""

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

LABEL_LENGTH = 26  # characters; longer labels leave too little room for the figure
FONT_SIZE = 8.0
DIRECTIONS = tuple((math.cos(angle), math.sin(angle)) for angle in np.arange(16) * math.pi / 8)
DISTANCES = (6.0, 11.0, 18.0, 28.0, 40.0, 56.0)  # points from a mark to its label
CONNECTED_FROM = 10.0  # points; closer labels need no connecting line
SWEEPS = 3

Array = npt.NDArray[np.float64]


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move positions as little as possible (least squares) until neighbours are `gap` apart.

    The order stays the same. Without enough room between `low` and `high`, the positions are spaced
    evenly.

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
    """Draw a column of labels right of the axes, each connected to its height at the right border.

    Args:
        axes: Axes with final limits and scale.
        heights: Height of each label, in data coordinates.
        texts: Text of each label.
        styles: Style of each label's marker and line.
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
    """Draw labels beside points without covering labels, marks and, if possible, obstacles.

    Args:
        axes: Axes of a figure with a final layout, limits and scale.
        points: Points in data coordinates.
        texts: Label of each point.
        obstacles: Boxes in data coordinates.
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
    # Overlapping labels are unreadable. Crossing a line is less harmful, and distance even less.
    harm = distances / 100 + 100 * (area - _overlap(boxes, frame)) / area + 100 * _overlap(boxes, marks) / area
    if crossed:
        harm = harm + 20 * _overlap(boxes, np.array(crossed)) / area
    chosen = np.zeros(len(annotations), dtype=np.int64)
    every = np.arange(len(annotations))
    for _ in range(SWEEPS):  # repeated, so that early labels can move for later ones
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
    annotation.set_in_layout(False)  # the layout must not change after placement
    return annotation


def _offsets(sizes: Array, scale: float) -> tuple[Array, Array]:
    """Return distances (places,) in points and offsets (labels, places, 2) in pixels.

    An offset leads from a mark to the middle of its label.
    """
    distances = np.repeat(DISTANCES, len(DIRECTIONS))
    directions = np.tile(DIRECTIONS, (len(DISTANCES), 1))
    return distances, directions * (distances[:, None] * scale + sizes[:, None] / 2)


def _boxes(middles: Array, sizes: Array) -> Array:
    """Return boxes (..., 4) of left, bottom, right and top, from middles and sizes (..., 2)."""
    return np.concatenate([middles - sizes / 2, middles + sizes / 2], axis=-1)


def _overlap(boxes: Array, others: Array) -> Array:
    """Return the area that each box (..., 4) shares with the others (n, 4), as a sum."""
    low = np.maximum(boxes[..., None, :2], others[:, :2])
    high = np.minimum(boxes[..., None, 2:], others[:, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=-1).sum(axis=-1), dtype=np.float64)
