"""What all figures share: a canvas without pyplot's global state, PNG bytes, colours, the looks of an architecture."""

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
# Okabe and Ito's colours: told apart by colour-blind readers, and by their lightness in grey print.
BLUE = "#0072B2"
VERMILION = "#D55E00"
GREY = "#8A8A8A"
# Of a figure with one colour for each architecture; without Okabe and Ito's yellow, which white paper swallows.
SERIES_COLOURS = (BLUE, VERMILION, "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
LIGHT_GREY = "#E4E4E4"
# From white, so that no error is no colour, to a brown that stops short of black; its lightness never rises.
ERROR_COLOURS = LinearSegmentedColormap.from_list(
    "errors", [(1.0, 1.0, 1.0), *colormaps["YlOrBr"](np.linspace(0.1, 0.9, 8))]
).with_extremes(bad=LIGHT_GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
LINES: tuple[LineStyleType, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, whose parts never overlap."""
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def legend_below(figure: Figure, columns: int, fontsize: float | None = None) -> None:
    """One legend for all axes, below them, that names each kind of mark once."""
    found = [axes.get_legend_handles_labels() for axes in figure.axes]
    handles = {label: handle for kinds in found for handle, label in zip(*kinds, strict=True)}
    style = {"ncols": columns, "frameon": False, "fontsize": fontsize}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", **style)


def png(figure: Figure) -> bytes:
    """The figure as a PNG file; the same figure gives the same bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def ink(background: Sequence[float]) -> str:
    """Black or white, whichever is read more easily on a background of (red, green, blue, ...) in [0, 1].

    >>> ink((1.0, 1.0, 0.8))
    'black'
    """
    red, green, blue = background[:3]
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5 else "white"


def shorten(text: str, length: int) -> str:
    """Text of at most `length` characters, an ellipsis in place of what is left out.

    >>> shorten("ankle boot", 6)
    'ankle…'
    """
    return text if len(text) <= length else f"{text[: length - 1]}…"


@dataclass(frozen=True)
class Style:
    """Colour, marker and line in matplotlib's terms; an architecture is never told by its colour alone."""

    colour: str
    marker: str
    line: LineStyleType


def style_of(name: str, order: Sequence[str]) -> Style:
    """The style of an architecture; as many architectures as markers differ in more than colour.

    Args:
        name: of the architecture.
        order: names of all architectures of the report. Figures that get the same order give one style to one name,
            whichever architectures they leave out.

    Raises:
        ValueError: the name is not in the order.
    """
    place = order.index(name)
    return Style(
        colour=SERIES_COLOURS[place % len(SERIES_COLOURS)],
        marker=MARKERS[place % len(MARKERS)],
        line=LINES[place % len(LINES)],
    )
