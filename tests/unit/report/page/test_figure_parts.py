"""Tests of the shared parts of figures: labels, ticks, styles and colours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from harness.report.page.canvas import ERROR_COLOURS, MARKERS, new_figure, style_of
from harness.report.page.labels import place_labels, spread
from harness.report.page.log_axis import round_ticks


def test_names_stay_within_the_panel_and_off_the_lines() -> None:
    """Labels stay within the panel and do not overlap the line."""
    figure = new_figure(4.0, 3.0)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    figure.draw_without_rendering()
    corners = [(0.99, 0.99), (0.01, 0.01), (0.99, 0.5), (0.5, 0.5)]
    line = Bbox([(0.45, 0.495), (0.99, 0.505)])
    names = place_labels(axes, corners, ["A name of some length"] * 4, [line])
    boxes = [Text.get_window_extent(name) for name in names]
    frame = axes.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    assert all(frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)
    assert not any(box.overlaps(line.transformed(axes.transData)) for box in boxes)


@given(st.floats(1e-6, 1e9), st.floats(1.001, 1e6))
def test_ticks_are_ascending_and_within_the_axis(low: float, ratio: float) -> None:
    """Every axis has at least two ticks, in ascending order and between its ends."""
    ticks = round_ticks(low, low * ratio)
    assert len(ticks) >= 2
    assert ticks == sorted(ticks)
    assert ticks[0] >= low * 0.99
    assert ticks[-1] <= low * ratio * 1.01


def test_a_logarithmic_axis_with_zero_is_refused() -> None:
    """A logarithmic axis cannot contain zero."""
    with pytest.raises(ValueError, match="logarithmic"):
        round_ticks(0.0, 1.0)


def test_twelve_architectures_have_different_markers() -> None:
    """Twelve architectures have twelve markers."""
    names = [str(place) for place in range(12)]
    assert len({style_of(name, names).marker for name in names}) == len(MARKERS) == 12


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.3))
def test_spread_keeps_order_distance_and_limits(positions: list[float], gap: float) -> None:
    """Labels keep their order, stay within the axes, and keep the gap if there is room."""
    placed = np.array(spread(positions, gap, 0.0, 1.0))
    order = np.argsort(positions, kind="stable")
    room = 1 / (len(positions) - 1) if len(positions) > 1 else gap
    assert (np.diff(placed[order]) >= min(gap, room) - 1e-6).all()
    assert placed.min() >= -1e-6
    assert placed.max() <= 1 + 1e-6


def test_error_colours_darken_steadily() -> None:
    """Without colour, more errors are always darker than fewer errors."""
    red, green, blue, _ = ERROR_COLOURS(np.linspace(0, 1, 64)).T
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert luminance[0] == pytest.approx(1.0)
    assert (np.diff(luminance) < 0).all()
