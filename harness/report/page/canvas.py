"""Parts that all figures share: canvas, PNG output, colours and the style of each architecture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.typing import LineStyleType

DOTS_PER_INCH = 130
# Colours of Okabe and Ito. Colour-blind readers can distinguish them, and they differ in lightness.
BLUE = "#0072B2"
VERMILION = "#D55E00"
GREY = "#8A8A8A"
# Colours of the architectures, without the yellow of Okabe and Ito, which is invisible on white.
SERIES_COLOURS = (BLUE, VERMILION, "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
LIGHT_GREY = "#E4E4E4"
# From white (no errors) to dark brown. The lightness never increases.
ERROR_COLOURS = LinearSegmentedColormap.from_list(
    "errors", [(1.0, 1.0, 1.0), *colormaps["YlOrBr"](np.linspace(0.1, 0.9, 8))]
).with_extremes(bad=LIGHT_GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
LINES: tuple[LineStyleType, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))


def new_figure(width: float, height: float) -> Figure:
    """Create an empty figure with a layout that avoids overlaps. The size is in inches."""
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def legend_below(figure: Figure, columns: int, fontsize: float | None = None) -> None:
    """Draw one legend below all axes, with one entry for each kind of mark."""
    found = [axes.get_legend_handles_labels() for axes in figure.axes]
    handles = {label: handle for kinds in found for handle, label in zip(*kinds, strict=True)}
    style = {"ncols": columns, "frameon": False, "fontsize": fontsize}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", **style)


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG file. The same figure gives the same bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def ink(background: Sequence[float]) -> str:
    """Return black or white, whichever is easier to read on a background (red, green, blue, ...).

    The parts of the colour are in [0, 1].

    >>> ink((1.0, 1.0, 0.8))
    'black'
    """
    red, green, blue = background[:3]
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5 else "white"


def shorten(text: str, length: int) -> str:
    """Shorten a text to at most `length` characters, with an ellipsis at the end.

    >>> shorten("ankle boot", 6)
    'ankle…'
    """
    return text if len(text) <= length else f"{text[: length - 1]}…"


@dataclass(frozen=True)
class Style:
    """Colour, marker and line style of an architecture, as matplotlib values."""

    colour: str
    marker: str
    line: LineStyleType


def style_of(name: str, order: Sequence[str]) -> Style:
    """Return the style of an architecture. Styles differ in marker and line, not only in colour.

    Args:
        name: Name of the architecture.
        order: Names of all architectures of the report. With the same order, an architecture has
            the same style in every figure.

    Raises:
        ValueError: The name is not in the order.
    """
    place = order.index(name)
    return Style(
        colour=SERIES_COLOURS[place % len(SERIES_COLOURS)],
        marker=MARKERS[place % len(MARKERS)],
        line=LINES[place % len(LINES)],
    )
