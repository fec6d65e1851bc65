"""How an architecture looks in every figure: colour, marker and line together, so that none is told by colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.typing import LineStyleType

from harness.report.page.canvas import SERIES_COLOURS

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
LINES: tuple[LineStyleType, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))


@dataclass(frozen=True)
class Style:
    """Colour, marker and line in matplotlib's terms."""

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
    if name not in order:
        raise ValueError(f"'{name}' is not among the architectures {', '.join(order)}; add it to the order")
    place = order.index(name)
    return Style(
        colour=SERIES_COLOURS[place % len(SERIES_COLOURS)],
        marker=MARKERS[place % len(MARKERS)],
        line=LINES[place % len(LINES)],
    )
