"""Figure of the verdict on every pair of architectures."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from harness.report.page.canvas import BLUE, LIGHT_GREY, VERMILION, ink, new_figure, shorten
from harness.report.page.formatting import signed_points
from harness.statistics.comparison import Comparison, Verdict

ARCHITECTURES_UP_TO = 12  # with more, the text would be too small to read
TITLE_LENGTH = 26  # characters
FAINTEST, STRONGEST = 0.25, 0.7  # strength of the colour for small and for large differences
CELL = 0.78  # inches


REVERSE = {Verdict.A_BETTER: Verdict.B_BETTER, Verdict.B_BETTER: Verdict.A_BETTER}
SYMBOLS = {Verdict.A_BETTER: "▲", Verdict.B_BETTER: "▼", Verdict.EQUIVALENT: "≈", Verdict.UNDECIDED: "?"}
MEANINGS = "▲ row better than column   ▼ row worse than column   ≈ equivalent   ? undecided"


@dataclass(frozen=True)
class VerdictCell:
    """Difference of row minus column as a fraction, and the verdict with the row as A."""

    difference: float
    verdict: Verdict

    @property
    def text(self) -> str:
        """Symbol and difference in percentage points."""
        return f"{SYMBOLS[self.verdict]}\n{signed_points(self.difference)}"


def verdict_cells(comparisons: Iterable[Comparison]) -> dict[tuple[str, str], VerdictCell]:
    """Map row and column, as names of architectures, to their cell. Each pair fills two cells."""
    found = {}
    for pair in comparisons:
        found[pair.a, pair.b] = VerdictCell(pair.difference, pair.verdict)
        found[pair.b, pair.a] = VerdictCell(-pair.difference, REVERSE.get(pair.verdict, pair.verdict))
    return found


def cell_colour(cell: VerdictCell, largest: float) -> tuple[float, float, float]:
    """Return blue if the row is better, and orange if it is worse. Larger differences are stronger.

    Equivalent pairs are grey and undecided pairs are white, because there is no direction to show.
    """
    if cell.verdict is Verdict.UNDECIDED:
        return (1.0, 1.0, 1.0)
    if cell.verdict is Verdict.EQUIVALENT:
        return to_rgb(LIGHT_GREY)
    # The square root keeps small differences visible if one architecture is far behind the others.
    size = (min(1.0, abs(cell.difference) / largest) if largest > 0 else 0.0) ** 0.5
    part = FAINTEST + (STRONGEST - FAINTEST) * size
    red, green, blue = to_rgb(BLUE if cell.verdict is Verdict.A_BETTER else VERMILION)
    return (1 - part * (1 - red), 1 - part * (1 - green), 1 - part * (1 - blue))


def draw_verdicts(order: Sequence[str], titles: Mapping[str, str], comparisons: Iterable[Comparison]) -> Figure:
    """Draw a cell for each ordered pair, row minus column. Pairs without a comparison are hatched.

    Args:
        order: Names of the architectures, the best first. Only the first twelve are drawn.
        titles: Titles of the architectures, by name.
        comparisons: Comparisons of the architectures. Each pair occurs once, in either order.
    """
    shown, left_out = order[:ARCHITECTURES_UP_TO], order[ARCHITECTURES_UP_TO:]
    cells = {pair: cell for pair, cell in verdict_cells(comparisons).items() if set(pair) <= set(shown)}
    size = len(shown)
    side = CELL * size
    figure = new_figure(max(5.2, side + 2.6), max(1.6, 0.72 * side) + 1.9)
    axes = figure.add_subplot()
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    largest = max((abs(cell.difference) for cell in cells.values()), default=0.0)
    for (row, one), (column, other) in itertools.product(enumerate(shown), repeat=2):
        _draw_cell(axes, row, column, cells.get((one, other)), largest)
    names = [shorten(titles[name], TITLE_LENGTH) for name in shown]
    axes.set_xticks(range(size), names, rotation=35, ha="left", rotation_mode="anchor", fontsize=9)
    axes.set_yticks(range(size), names, fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    missing = f"; architectures not shown: {len(left_out)}" if left_out else ""
    axes.set_xlabel(f"{MEANINGS}\nnumbers: percentage points, row minus column{missing}", fontsize=8.5, labelpad=8)
    return figure


def _draw_cell(axes: Axes, row: int, column: int, cell: VerdictCell | None, largest: float) -> None:
    colour = cell_colour(cell, largest) if cell else (1.0, 1.0, 1.0)
    hatch = "//" if row != column and cell is None else None
    corner = (column - 0.5, row - 0.5)
    axes.add_patch(
        Rectangle(corner, 1, 1, facecolor=colour, edgecolor="silver", linewidth=0.8, hatch=hatch, clip_on=False)
    )
    if cell:
        axes.text(column, row, cell.text, ha="center", va="center", fontsize=9, color=ink(colour), linespacing=1.15)
