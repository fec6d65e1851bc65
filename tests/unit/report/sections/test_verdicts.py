"""The matrix of verdicts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from matplotlib.axes import Axes

from harness.report.sections.verdicts.figure import VerdictCell, cell_colour, draw_verdicts, verdict_cells
from harness.statistics.comparison import Verdict


@dataclass(frozen=True)
class Pair:
    """A comparison, as far as the matrix reads it."""

    a: str
    b: str
    difference: float
    verdict: Verdict


COMPARED = [Pair("cnn", "mlp", 0.006, Verdict.A_BETTER), Pair("lenet", "cnn", -0.0002, Verdict.EQUIVALENT)]


def axes_of(*pairs: Pair) -> Axes:
    """The figure of three architectures."""
    return draw_verdicts(["cnn", "lenet", "mlp"], {"cnn": "CNN", "lenet": "LeNet", "mlp": "MLP"}, pairs).axes[0]


def test_each_pair_fills_two_cells_with_opposite_signs() -> None:
    """Row minus column: the pair the other way round has the other sign and the other verdict."""
    assert verdict_cells(COMPARED) == {
        ("cnn", "mlp"): VerdictCell(0.006, Verdict.A_BETTER),
        ("mlp", "cnn"): VerdictCell(-0.006, Verdict.B_BETTER),
        ("lenet", "cnn"): VerdictCell(-0.0002, Verdict.EQUIVALENT),
        ("cnn", "lenet"): VerdictCell(0.0002, Verdict.EQUIVALENT),
    }


def test_cells_carry_symbol_and_difference() -> None:
    """Every compared pair is written as a symbol and percentage points, and the key explains the symbols."""
    axes = axes_of(*COMPARED, Pair("lenet", "mlp", 0.005, Verdict.UNDECIDED))
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["≈\n+0.02", "▲\n+0.60", "≈\n−0.02", "?\n+0.50", "▼\n−0.60", "?\n−0.50"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["CNN", "LeNet", "MLP"]
    assert "▲ row better than column" in axes.get_xlabel()


def test_a_pair_that_was_not_compared_is_hatched() -> None:
    """Only the missing pair is hatched, not the diagonal."""
    hatches = [patch.get_hatch() for patch in axes_of(*COMPARED).patches]
    assert [place for place, hatch in enumerate(hatches) if hatch] == [5, 7]


def test_colour_shows_direction_only_where_it_is_decided() -> None:
    """Better is blue, worse orange, stronger with the difference; equivalent and undecided have no hue."""
    better, strongly = (cell_colour(VerdictCell(d, Verdict.A_BETTER), 0.1) for d in (0.001, 0.1))
    worse = cell_colour(VerdictCell(-0.001, Verdict.B_BETTER), 0.1)
    assert better[2] > better[0]
    assert worse[0] > worse[2]
    assert sum(strongly) < sum(better)
    for verdict in (Verdict.EQUIVALENT, Verdict.UNDECIDED):
        assert len(set(cell_colour(VerdictCell(0.05, verdict), 0.1))) == 1
    assert cell_colour(VerdictCell(0.0, Verdict.A_BETTER), 0.0) != (1.0, 1.0, 1.0)


def test_beyond_a_dozen_architectures_the_figure_says_that_some_are_left_out() -> None:
    """Thirteen architectures show twelve, and the figure counts the one that is missing."""
    names = [f"An architecture with a long name, {place}" for place in range(13)]
    pairs = [Pair(one, other, 0.001, Verdict.UNDECIDED) for one, other in itertools.combinations(names, 2)]
    axes = draw_verdicts(names, {name: name for name in names}, pairs).axes[0]
    assert len(axes.get_yticklabels()) == 12
    assert len(axes.texts) == 12 * 11
    assert axes.get_xlabel().endswith("not shown: 1")
