"""Tests of the figure of verdicts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from matplotlib.axes import Axes

from harness.report.sections.verdicts.figure import VerdictCell, cell_colour, draw_verdicts, verdict_cells
from harness.statistics.comparison import Verdict


@dataclass(frozen=True)
class Pair:
    """The attributes of a comparison that the figure uses."""

    a: str
    b: str
    difference: float
    verdict: Verdict


COMPARED = [Pair("cnn", "mlp", 0.006, Verdict.A_BETTER), Pair("lenet", "cnn", -0.0002, Verdict.EQUIVALENT)]


def axes_of(*pairs: Pair) -> Axes:
    """Draw the figure of three architectures and return its axes."""
    return draw_verdicts(["cnn", "lenet", "mlp"], {"cnn": "CNN", "lenet": "LeNet", "mlp": "MLP"}, pairs).axes[0]


def test_each_pair_fills_two_cells_with_opposite_signs() -> None:
    """The cell of the reversed pair has the opposite sign and the opposite verdict."""
    assert verdict_cells(COMPARED) == {
        ("cnn", "mlp"): VerdictCell(0.006, Verdict.A_BETTER),
        ("mlp", "cnn"): VerdictCell(-0.006, Verdict.B_BETTER),
        ("lenet", "cnn"): VerdictCell(-0.0002, Verdict.EQUIVALENT),
        ("cnn", "lenet"): VerdictCell(0.0002, Verdict.EQUIVALENT),
    }


def test_cells_show_symbol_and_difference() -> None:
    """Every compared pair shows a symbol and percentage points. The legend explains the symbols."""
    axes = axes_of(*COMPARED, Pair("lenet", "mlp", 0.005, Verdict.UNDECIDED))
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["≈\n+0.02", "▲\n+0.60", "≈\n−0.02", "?\n+0.50", "▼\n−0.60", "?\n−0.50"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["CNN", "LeNet", "MLP"]
    assert "▲ row better than column" in axes.get_xlabel()


def test_a_pair_that_was_not_compared_is_hatched() -> None:
    """The missing pair is hatched, but the diagonal is not."""
    hatches = [patch.get_hatch() for patch in axes_of(*COMPARED).patches]
    assert [place for place, hatch in enumerate(hatches) if hatch] == [5, 7]


def test_colour_shows_direction_only_where_it_is_decided() -> None:
    """Better is blue and worse is orange, stronger for larger differences.

    Other verdicts have no hue.
    """
    better, strongly = (cell_colour(VerdictCell(d, Verdict.A_BETTER), 0.1) for d in (0.001, 0.1))
    worse = cell_colour(VerdictCell(-0.001, Verdict.B_BETTER), 0.1)
    assert better[2] > better[0]
    assert worse[0] > worse[2]
    assert sum(strongly) < sum(better)
    for verdict in (Verdict.EQUIVALENT, Verdict.UNDECIDED):
        assert len(set(cell_colour(VerdictCell(0.05, verdict), 0.1))) == 1
    assert cell_colour(VerdictCell(0.0, Verdict.A_BETTER), 0.0) != (1.0, 1.0, 1.0)


def test_the_figure_shows_twelve_architectures_and_counts_the_others() -> None:
    """The figure of thirteen architectures shows twelve and counts the missing one."""
    names = [f"An architecture with a long name, {place}" for place in range(13)]
    pairs = [Pair(one, other, 0.001, Verdict.UNDECIDED) for one, other in itertools.combinations(names, 2)]
    axes = draw_verdicts(names, {name: name for name in names}, pairs).axes[0]
    assert len(axes.get_yticklabels()) == 12
    assert len(axes.texts) == 12 * 11
    assert axes.get_xlabel().endswith("not shown: 1")
