"""What each architecture misses, divided by how many of the others miss it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.report.page.canvas import ink, new_figure, shorten
from harness.report.sections.errors.values import ErrorOverlap, overlap_groups

TITLE_LENGTH = 30  # characters
NARROWEST_NUMBER = 0.012  # of the axis, for each digit; in a narrower part it would not fit


@dataclass(frozen=True)
class OverlapBar:
    """One architecture: its title, and how many images it misses of each group."""

    title: str
    parts: tuple[int, ...]


@dataclass(frozen=True)
class OverlapFigure:
    """What the figure shows.

    Attributes:
        groups: what the parts of a bar are, left to right.
        bars: the architecture that misses fewest first.
    """

    groups: tuple[str, ...]
    bars: tuple[OverlapBar, ...]


def overlap_figure_values(overlap: ErrorOverlap, titles: Mapping[str, str]) -> OverlapFigure | None:
    """Values of the figure; None when there is only one architecture, or none misses an image.

    Args:
        overlap: of the architectures.
        titles: of the architectures, by name.
    """
    architectures = len(overlap.names)
    if architectures < 2 or not overlap.missed.any():
        return None
    groups = overlap_groups(architectures)
    bars = [
        OverlapBar(
            title=shorten(titles[name], TITLE_LENGTH),
            parts=tuple(int(shared[low - 1 : high].sum()) for low, high in groups),
        )
        for name, shared in zip(overlap.names, overlap.shared, strict=True)
    ]
    return OverlapFigure(
        groups=tuple(_group_text(low, high, architectures) for low, high in groups),
        bars=tuple(sorted(bars, key=lambda bar: sum(bar.parts))),
    )


def _group_text(low: int, high: int, architectures: int) -> str:
    if low == 1:
        return "missed by it alone"
    if low == architectures:
        return f"by all {architectures}"
    return f"by {low}" if low == high else f"by {low} to {high}"


def draw_overlap(values: OverlapFigure) -> Figure:
    """A bar for each architecture; the darker a part, the more architectures miss its images."""
    figure = new_figure(8.4, 0.42 * len(values.bars) + 1.3)
    axes = figure.add_subplot()
    longest = max(sum(bar.parts) for bar in values.bars)
    colours = colormaps["Blues"](np.linspace(0.15, 0.95, len(values.groups)))
    starts = np.zeros(len(values.bars))
    for group, (text, colour) in enumerate(zip(values.groups, colours, strict=True)):
        widths = [bar.parts[group] for bar in values.bars]
        axes.barh(
            range(len(values.bars)),
            widths,
            left=starts,
            height=0.72,
            color=[colour],
            edgecolor="white",
            linewidth=0.8,
            label=text,
        )
        _write_numbers(axes, widths, starts.tolist(), longest, ink(colour))
        starts += widths
    axes.set_yticks(range(len(values.bars)), [bar.title for bar in values.bars])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02 * longest)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.set_xlabel("test images that most seeds miss")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(values.groups), frameon=False, fontsize=9)
    return figure


def _write_numbers(axes: Axes, widths: Sequence[int], starts: Sequence[float], longest: int, colour: str) -> None:
    for row, (width, start) in enumerate(zip(widths, starts, strict=True)):
        if width >= NARROWEST_NUMBER * len(str(width)) * longest:
            axes.text(start + width / 2, row, str(width), ha="center", va="center", fontsize=8, color=colour)
