"""Figure of each architecture's errors, by how many architectures share them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.report.page.canvas import ink, new_figure, shorten
from harness.report.sections.errors.values import ErrorOverlap, overlap_groups

TITLE_LENGTH = 30  # characters
NARROWEST_NUMBER = 0.012  # width of a digit, as a share of the longest bar


def overlap_figure_values(overlap: ErrorOverlap, titles: Mapping[str, str]) -> pd.DataFrame | None:
    """Compute the values of the figure. None without two architectures, or without an error.

    Args:
        overlap: Errors of the architectures.
        titles: Titles of the architectures, by name.

    Returns:
        A row for each architecture, the one with the fewest errors first. A column for each part of
        a bar, from left to right.
    """
    architectures = len(overlap.names)
    if architectures < 2 or not overlap.missed.any():
        return None
    parts = {
        _group_text(low, high, architectures): overlap.shared[:, low - 1 : high].sum(axis=1)
        for low, high in overlap_groups(architectures)
    }
    frame = pd.DataFrame(parts, index=[shorten(titles[name], TITLE_LENGTH) for name in overlap.names])
    return frame.iloc[np.argsort(frame.sum(axis=1), kind="stable")]


def _group_text(low: int, high: int, architectures: int) -> str:
    if low == 1:
        return "this architecture only"
    if low == architectures:
        return f"all {architectures}"
    return f"{low} architectures" if low == high else f"{low} to {high} architectures"


def draw_overlap(values: pd.DataFrame) -> Figure:
    """Draw a bar for each architecture. Darker parts are shared by more architectures."""
    figure = new_figure(8.4, 0.42 * len(values) + 1.5)
    axes = figure.add_subplot()
    longest = int(values.sum(axis=1).max())
    starts = values.cumsum(axis=1) - values
    colours = colormaps["Blues"](np.linspace(0.15, 0.95, len(values.columns)))
    for group, colour in zip(values.columns, colours, strict=True):
        bars = axes.barh(
            range(len(values)),
            values[group],
            height=0.72,
            left=starts[group],
            color=[colour],
            edgecolor="white",
            linewidth=0.8,
            label=group,
        )
        numbers = [str(n) if n >= NARROWEST_NUMBER * len(str(n)) * longest else "" for n in values[group]]
        axes.bar_label(bars, numbers, label_type="center", fontsize=8, color=ink(colour))
    axes.set_yticks(range(len(values)), values.index)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02 * longest)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.set_xlabel("test images that more than half of the seeds misclassify")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    title = "misclassified by"
    figure.legend(loc="outside upper center", ncols=len(values.columns), frameon=False, fontsize=9, title=title)
    return figure
