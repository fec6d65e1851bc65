"""Accuracy against cost, its figure, and the placing of names and ticks that it needs."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from harness.report.sections.cost.figure import cost_figure_values, draw_cost
from harness.report.sections.cost.values import (
    LATENCY,
    MULTIPLY_ADDS,
    TRAINING,
    CostPoint,
    cost_sentence,
    dominators,
    pareto_front,
)

CHEAP = CostPoint("cheap", "Cheap", 0.98, 0.978, 0.982, training_seconds=10.0, latency_ms=0.1, macs=100_000)
GOOD = CostPoint("good", "Good", 0.99, 0.989, 0.991, training_seconds=30.0, latency_ms=0.2, macs=400_000)
BEST = CostPoint("best", "Best", 0.995, 0.994, 0.996, training_seconds=80.0, latency_ms=0.9, macs=5_000_000)
OUTDONE = CostPoint("outdone", "Outdone", 0.985, 0.984, 0.986, training_seconds=20.0, latency_ms=0.3, macs=900_000)
POINTS = (OUTDONE, BEST, GOOD, CHEAP)
ORDER = ("cheap", "good", "best", "outdone")


def test_the_front_is_cheapest_first_and_without_the_dominated() -> None:
    """By latency three of four are on the front; by training time, where nobody is outdone, all four."""
    assert pareto_front(POINTS, LATENCY) == (CHEAP, GOOD, BEST)
    assert pareto_front(POINTS, TRAINING) == (CHEAP, OUTDONE, GOOD, BEST)


def test_points_of_equal_cost_and_accuracy_both_stay() -> None:
    """Neither of two equal points dominates the other; of two at one cost, only the more accurate stays."""
    twin = replace(GOOD, name="twin")
    assert pareto_front([GOOD, twin], LATENCY) == (GOOD, twin)
    worse = replace(GOOD, name="worse", accuracy=0.97)
    assert pareto_front([worse, GOOD], LATENCY) == (GOOD,)
    dearer = replace(GOOD, name="dearer", latency_ms=5.0)
    assert pareto_front([dearer, GOOD], LATENCY) == (GOOD,)


def test_points_without_cost_or_accuracy_are_left_out() -> None:
    """What was not measured is neither on the front nor dominated."""
    unknown = replace(CHEAP, name="unknown", latency_ms=None)
    without = replace(CHEAP, name="without", accuracy=None)
    assert pareto_front([GOOD, unknown, without], LATENCY) == (GOOD,)
    assert dominators([GOOD, unknown, without], LATENCY) == {}


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_the_front_is_what_nobody_dominates(pairs: list[tuple[int, int]]) -> None:
    """For any points, ties included, the front is the definition of it, and everyone else has a dominator on it."""
    points = [CostPoint(str(n), str(n), accuracy / 6, macs=cost) for n, (cost, accuracy) in enumerate(pairs)]

    def dominates(one: CostPoint, other: CostPoint) -> bool:
        assert one.macs is not None
        assert other.macs is not None
        assert one.accuracy is not None
        assert other.accuracy is not None
        no_worse = one.macs <= other.macs and one.accuracy >= other.accuracy
        return no_worse and (one.macs < other.macs or one.accuracy > other.accuracy)

    front = pareto_front(points, MULTIPLY_ADDS)
    expected = {point.name for point in points if not any(dominates(other, point) for other in points)}
    assert {point.name for point in front} == expected
    dominated = dominators(points, MULTIPLY_ADDS)
    assert set(dominated) == {point.name for point in points} - expected
    assert all(by and {better.name for better in by} <= expected for by in dominated.values())


def test_the_sentence_names_the_front_and_who_dominates_whom() -> None:
    """Latency and training time have a sentence each."""
    assert cost_sentence(POINTS) == (
        "Of accuracy against latency, Cheap, Good and Best are on the front; Outdone is dominated by Good. "
        "Of accuracy against training time, no architecture dominates another: all are on the front."
    )


def test_the_sentence_groups_those_with_the_same_dominators() -> None:
    """Two that the same architecture dominates share a clause, and an unmeasured cost has no sentence."""
    other = replace(OUTDONE, name="other", title="Other", latency_ms=0.4)
    unmeasured = [replace(point, training_seconds=None) for point in (GOOD, OUTDONE, other)]
    assert cost_sentence(unmeasured) == (
        "Of accuracy against latency, Good is on the front; Outdone and Other are dominated by Good."
    )


def test_nothing_is_said_of_a_single_architecture() -> None:
    """One point has nobody to compare with."""
    assert cost_sentence([GOOD]) == ""


def names_in(figure: Figure) -> list[list[str]]:
    """Names in each panel."""
    return [[text.get_text() for text in axes.texts] for axes in figure.axes]


def test_figure_shows_error_and_interval_in_each_panel() -> None:
    """Accuracies become errors in percent, the interval turns round with them, and the front is marked."""
    training, latency, macs = cost_figure_values(POINTS, ORDER, test_images=10_000)
    assert [mark.name for mark in latency.marks] == ["cheap", "good", "outdone", "best"]
    assert [mark.on_front for mark in latency.marks] == [True, True, False, True]
    assert [mark.cost for mark in training.marks] == [10.0, 20.0, 30.0, 80.0]
    cheap = macs.marks[0]
    assert (cheap.error, cheap.low, cheap.high) == pytest.approx((2.0, 1.8, 2.2))


def test_figure_fills_the_front_and_names_the_points() -> None:
    """Points on the front are filled, others hollow; every panel names its architectures and its cost."""
    panels = cost_figure_values(POINTS, ORDER, test_images=10_000)
    figure = draw_cost(panels)
    assert [sorted(names) for names in names_in(figure)] == [["Best", "Cheap", "Good", "Outdone"]] * 3
    assert [axes.get_xlabel() for axes in figure.axes] == [panel.axis for panel in panels]
    faces = {line.get_label(): line.get_markerfacecolor() for line in figure.axes[1].lines}
    assert to_rgba(faces["Outdone"]) == to_rgba("white")
    assert to_rgba(faces["Good"]) != to_rgba("white")


def test_the_front_is_a_step_line_from_the_top_to_the_right() -> None:
    """The first line of a panel steps down at each point of the front, and runs from border to border."""
    axes = draw_cost(cost_figure_values(POINTS, ORDER, test_images=10_000)).axes[1]
    xs, ys = axes.lines[0].get_data()
    assert list(xs) == pytest.approx([0.1, 0.1, 0.1, 0.2, 0.2, 0.9, 0.9, axes.get_xlim()[1]])
    top = axes.get_ylim()[1]
    assert list(ys) == pytest.approx([top, top, 2.0, 2.0, 1.0, 1.0, 0.5, 0.5])


def test_a_panel_without_data_is_left_out() -> None:
    """Where latency was not measured there are two panels, and none at all without accuracies."""
    unmeasured = [replace(point, latency_ms=None) for point in POINTS]
    assert [panel.axis for panel in cost_figure_values(unmeasured, ORDER, 10_000)] == [
        TRAINING.axis,
        MULTIPLY_ADDS.axis,
    ]
    assert cost_figure_values([replace(point, accuracy=None) for point in POINTS], ORDER, 10_000) == ()


def test_a_perfect_accuracy_has_a_place_on_the_logarithmic_axis() -> None:
    """An error of nought is drawn at half a test image."""
    perfect = replace(GOOD, accuracy=1.0, low=1.0, high=1.0)
    panels = cost_figure_values([perfect], ORDER, test_images=10_000)
    assert panels[0].marks[0].error == pytest.approx(0.005)
    draw_cost(panels)


@pytest.mark.parametrize("distance", [0.0, 1e-4, 1e-3])
def test_names_cover_neither_names_nor_points(distance: float) -> None:
    """Seven architectures close to each other, or at one place, have names that do not overlap and lie in the panel."""
    names = [f"Architecture {place}" for place in range(7)]
    points = [
        CostPoint(name, name, 0.99 + distance * (place % 3), training_seconds=20.0 * (1 + 50 * distance * place))
        for place, name in enumerate(names)
    ]
    figure = draw_cost(cost_figure_values(points, names, test_images=10_000))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = [text_box(text) for text in axes.texts]
    assert len(boxes) == 7
    frame = axes.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def text_box(annotation: Text) -> Bbox:
    """Box of the text alone: an annotation's own includes the line to its point."""
    return Text.get_window_extent(annotation)


def test_a_dozen_architectures_are_named_beside_the_panels() -> None:
    """Too many names for the panels stand in a column, once each, and do not overlap."""
    names = [f"Architecture {place}" for place in range(12)]
    points = [CostPoint(name, name, 0.99, training_seconds=20.0, latency_ms=1.0) for name in names]
    figure = draw_cost(cost_figure_values(points, names, test_images=10_000))
    figure.draw_without_rendering()
    assert [len(texts) for texts in names_in(figure)] == [0, 12]
    boxes = [text_box(text) for text in figure.axes[1].texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_seconds_on_unlike_devices_are_never_compared() -> None:
    """A slow model on a CPU is not outdone by a quicker one on a GPU; multiply-adds are the same everywhere."""
    on_gpu = replace(GOOD, device="cuda")
    slow = replace(OUTDONE, latency_ms=5.0, training_seconds=500.0, device="cpu")
    assert pareto_front([slow, on_gpu], LATENCY) == (on_gpu, slow)
    assert dominators([slow, on_gpu], TRAINING) == {}
    assert pareto_front([slow, on_gpu], MULTIPLY_ADDS) == (on_gpu,)
    assert dominators([slow, replace(on_gpu, device="cpu")], TRAINING) == {"outdone": (replace(on_gpu, device="cpu"),)}
