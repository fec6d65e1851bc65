"""Tests of P(A > B) over seeds."""

from __future__ import annotations

import pytest

from harness.statistics.estimates import wilson_interval
from harness.statistics.wins import count_wins, fewest_seeds_for_better, fewest_wins, smallest_sign_flip_p


def test_wins_without_ties_have_wilsons_interval() -> None:
    """Without ties, the interval is Wilson's interval of the counts."""
    wins = count_wins([0.1, -0.1, 0.2, 0.3])
    assert wins.probability == 0.75
    assert (wins.low, wins.high) == pytest.approx(wilson_interval(3, 4))


def test_a_tie_is_half_a_win() -> None:
    """A tie counts as half a win, and the interval lies between those of the whole counts."""
    wins = count_wins([0.1, 0.0, -0.1, 0.0, 0.2])
    assert wins.probability == 0.6
    assert wilson_interval(2, 5)[0] < wins.low < wilson_interval(4, 5)[0]
    assert wins.low == pytest.approx(wilson_interval(3, 5)[0])
    half = count_wins([0.1, 0.0])
    assert wilson_interval(1, 2)[0] < half.low < wilson_interval(2, 2)[0]


def test_wins_need_at_least_one_seed() -> None:
    """Counting the wins of no seeds is an error."""
    with pytest.raises(ValueError, match="at least one seed"):
        count_wins([])


@pytest.mark.parametrize("seeds", [*range(1, 40), 100, 999])
def test_fewest_wins_have_wilsons_interval_above_one_half(seeds: int) -> None:
    """With one win fewer, the interval includes one half. More wins than seeds means impossible."""
    wins = fewest_wins(seeds)
    assert wilson_interval(min(wins, seeds + 1) - 1, seeds)[0] <= 0.5
    assert wins > seeds or wilson_interval(wins, seeds)[0] > 0.5


def test_four_seeds_are_the_fewest_for_better() -> None:
    """Four wins of four reach 0.51, and three of three only 0.44."""
    assert fewest_seeds_for_better() == 4
    assert wilson_interval(3, 3)[0] == pytest.approx(0.4385, abs=1e-4)
    assert wilson_interval(4, 4)[0] == pytest.approx(0.5101, abs=1e-4)


def test_the_smallest_sign_flip_p_halves_with_each_seed() -> None:
    """It is 0.25 with three seeds, 0.0625 with five and 0.0078 with eight.

    Zero seeds are an error.
    """
    assert [round(smallest_sign_flip_p(seeds), 4) for seeds in (1, 3, 5, 8)] == [1.0, 0.25, 0.0625, 0.0078]
    with pytest.raises(ValueError, match="at least one seed, got 0"):
        smallest_sign_flip_p(0)
