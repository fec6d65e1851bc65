"""Tests of the accuracy figure."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from harness.report.sections.accuracy.figure import RankedAccuracy, axis_limits, draw_accuracy
from harness.statistics.estimates import AccuracyEstimate, IntervalMethod


def ranked(title: str, seeds: tuple[float, ...], mean: float, low: float, high: float, **more) -> RankedAccuracy:
    """Create an architecture with this mean and interval."""
    return RankedAccuracy(
        title, seeds, AccuracyEstimate(mean, None, low, high, IntervalMethod.STUDENT_T, len(seeds)), **more
    )


CNN = ranked("CNN", (0.995, 0.996, 0.9955), 0.9955, 0.9943, 0.9967, group="a")
MLP = ranked("MLP", (0.989, 0.990), 0.9895, 0.985, 0.994, group="bc", default=(0.985, 0.986))


def axes_of(*rows: RankedAccuracy, test_images: int = 10_000) -> Axes:
    """Draw the figure and return its axes."""
    return draw_accuracy(rows, test_images).axes[0]


def points_of(axes: Axes) -> list[list[float]]:
    """Return the accuracies of each group of points, from top to bottom."""
    return [sorted(collection.get_offsets()[:, 0].tolist()) for collection in axes.collections]


def test_the_first_row_is_on_top() -> None:
    """The first architecture is at the top, with its name."""
    axes = axes_of(CNN, MLP)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["CNN", "MLP"]
    bottom, top = axes.get_ylim()
    assert bottom > top


def test_every_seed_and_every_default_seed_is_a_point() -> None:
    """Seeds are filled points. Seeds of the default configuration are hollow points below them."""
    axes = axes_of(CNN, MLP)
    assert points_of(axes) == [
        pytest.approx([99.5, 99.55, 99.6]),
        pytest.approx([98.9, 99.0]),
        pytest.approx([98.5, 98.6]),
    ]
    seeds, default = axes.collections[1:]
    assert seeds.get_offsets()[:, 1].max() < default.get_offsets()[:, 1].min()
    assert tuple(default.get_facecolors()[0][:3]) == to_rgb("white")


def test_mean_interval_and_letter_are_drawn() -> None:
    """The interval is a line between its ends. Mean and letters are beside the row."""
    axes = axes_of(CNN, MLP)
    assert list(axes.lines[0].get_xdata()) == pytest.approx([99.43, 99.67])
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["a", "99.55 %", "bc", "98.95 %"]


def test_jitter_is_reproducible_and_separates_equal_seeds() -> None:
    """Equal accuracies have different heights, and the same values give the same figure."""
    same = ranked("Same", (0.99,) * 50, 0.99, 0.99, 0.99)
    first, again = (axes_of(same).collections[0].get_offsets() for _ in range(2))
    assert first.tolist() == again.tolist()
    heights = first[:, 1].tolist()
    assert len({round(height, 6) for height in heights}) == 50
    assert max(map(abs, heights)) < 0.5


def test_the_legend_mentions_default_configurations_only_if_drawn() -> None:
    """Without default configurations, the legend does not mention them."""
    with_default, without = (
        [text.get_text() for text in draw_accuracy(rows, 10_000).legends[0].get_texts()] for rows in ([CNN, MLP], [CNN])
    )
    assert len(with_default) == 3
    assert without == with_default[:2]


def test_a_wide_interval_continues_outside_the_figure() -> None:
    """A wide interval is cut and ends in an arrow, so that the points keep their room."""
    wide = ranked("Wide", (0.99, 0.991), 0.9905, 0.90, 1.0)
    axes = axes_of(wide)
    start, end = axes.get_xlim()
    assert start > 98.0
    assert end <= 100.0
    markers = [line.get_marker() for line in axes.lines]
    assert markers.count("<") == 1


def test_the_axis_never_goes_beyond_a_hundred_percent() -> None:
    """The axis ends at 100 % for architectures without errors."""
    axes = axes_of(ranked("Perfect", (1.0, 1.0), 1.0, 1.0, 1.0), test_images=360)
    assert axes.get_xlim()[1] == 100.0
    assert axes.get_xlim()[0] < 99.9


def test_a_diverged_seed_makes_the_axis_logarithmic() -> None:
    """If errors differ a lot, equal ratios of the error are equal distances on the axis."""
    diverged = ranked("Diverged", (0.99, 0.98, 0.11), 0.69, 0.0, 1.0)
    assert axis_limits([CNN, diverged], 10_000)[0]
    axes = axes_of(CNN, diverged)
    place = axes.transData.transform([(90.0, 0), (99.0, 0), (99.9, 0)])[:, 0]
    assert place[1] - place[0] == pytest.approx(place[2] - place[1])
    assert "logarithmic" in axes.get_xlabel()
    assert not axis_limits([CNN, MLP], 10_000)[0]


def test_a_perfect_accuracy_is_drawn_inside_a_logarithmic_axis() -> None:
    """An error of zero is drawn at half a test image, with room for the axes in a small figure."""
    figure = draw_accuracy([ranked("Perfect", (1.0, 1.0), 1.0, 1.0, 1.0), MLP], test_images=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns if the layout has no room for the axes
        figure.draw_without_rendering()
    axes = figure.axes[0]
    assert "logarithmic" in axes.get_xlabel()
    assert points_of(axes)[0] == pytest.approx([99.95, 99.95])
    start, end = axes.get_xlim()
    drawn = [accuracy for line in axes.lines for accuracy in line.get_xdata()]
    assert start <= min(drawn)
    assert max(drawn) <= end


@pytest.mark.parametrize(("architectures", "seeds"), [(1, 1), (2, 2), (12, 50)])
def test_names_do_not_overlap(architectures: int, seeds: int) -> None:
    """Rows and their texts do not overlap, for one to twelve architectures with long names."""
    generator = np.random.default_rng(6)
    rows = [
        ranked(
            f"An architecture with a long name, number {place}",
            tuple(0.99 + 0.001 * generator.random(seeds)),
            0.9905,
            0.990,
            0.991,
            group="abc",
        )
        for place in range(architectures)
    ]
    figure = draw_accuracy(rows, 10_000)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in (*axes.get_yticklabels(), *axes.texts)]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert min(box.x0 for box in boxes) >= 0
