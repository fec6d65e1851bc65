"""Tests of accuracy against cost, and of its figure."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from harness.records.cost import Cost, Quartiles
from harness.records.trial import ModelSummary, Placement
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
from harness.report.summary import ConfirmSummary
from harness.statistics.estimates import AccuracyEstimate, IntervalMethod


def point(
    name: str,
    accuracy: float | None = None,
    seconds: float | None = None,
    latency_ms: float | None = None,
    macs: int | None = None,
    interval: float = 0.001,
    device: str = "cpu",
) -> CostPoint:
    """Create an architecture with this accuracy and these costs.

    `interval` is half the width of the interval of the accuracy.
    """
    test = accuracy and AccuracyEstimate(
        accuracy, None, accuracy - interval, accuracy + interval, IntervalMethod.STUDENT_T, 5
    )
    place = Placement(node="n", device=device, threads=1, precision="fp32")
    confirm = ConfirmSummary((SimpleNamespace(placement=place),), test or None, None, seconds)
    median = None if latency_ms is None else latency_ms / 1000
    summary = SimpleNamespace(
        name=name, title=name.title(), confirm=confirm, model=macs and ModelSummary(parameters=1, macs=macs, bytes=1)
    )
    latency = None if median is None else Quartiles(low=median, median=median, high=median)
    return CostPoint(summary, Cost(architecture=name, latency=latency))


VALUES = {
    "cheap": {"accuracy": 0.98, "seconds": 10.0, "latency_ms": 0.1, "macs": 100_000, "interval": 0.002},
    "good": {"accuracy": 0.99, "seconds": 30.0, "latency_ms": 0.2, "macs": 400_000},
    "best": {"accuracy": 0.995, "seconds": 80.0, "latency_ms": 0.9, "macs": 5_000_000},
    "outdone": {"accuracy": 0.985, "seconds": 20.0, "latency_ms": 0.3, "macs": 900_000},
}
CHEAP, GOOD, BEST, OUTDONE = (point(name, **values) for name, values in VALUES.items())
POINTS = (OUTDONE, BEST, GOOD, CHEAP)
ORDER = ("cheap", "good", "best", "outdone")


def like(original: str, name: str | None = None, **changed: object) -> CostPoint:
    """Create a copy of one of the four points with another name or other values."""
    return point(name or original, **VALUES[original] | changed)


def test_the_front_is_sorted_by_cost_and_excludes_dominated_points() -> None:
    """Three of the four points are on the front by latency, and all four by training time."""
    assert pareto_front(POINTS, LATENCY) == (CHEAP, GOOD, BEST)
    assert pareto_front(POINTS, TRAINING) == (CHEAP, OUTDONE, GOOD, BEST)


def test_equal_points_are_both_on_the_front() -> None:
    """Equal points do not dominate each other.

    At equal cost, only the more accurate point stays.
    """
    twin = like("good", "twin")
    assert pareto_front([GOOD, twin], LATENCY) == (GOOD, twin)
    worse = like("good", "worse", accuracy=0.97)
    assert pareto_front([worse, GOOD], LATENCY) == (GOOD,)
    dearer = like("good", "dearer", latency_ms=5.0)
    assert pareto_front([dearer, GOOD], LATENCY) == (GOOD,)


def test_points_without_cost_or_accuracy_are_left_out() -> None:
    """A point that was not measured is neither on the front nor dominated."""
    unknown = like("cheap", "unknown", latency_ms=None)
    without = like("cheap", "without", accuracy=None)
    assert pareto_front([GOOD, unknown, without], LATENCY) == (GOOD,)
    assert dominators([GOOD, unknown, without], LATENCY) == {GOOD: ()}


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_the_front_contains_exactly_the_undominated_points(pairs: list[tuple[int, int]]) -> None:
    """The front contains exactly the undominated points.

    All others have a dominator on the front.
    """
    points = [point(str(n), 1 + accuracy, macs=cost) for n, (cost, accuracy) in enumerate(pairs)]

    def dominates(one: CostPoint, other: CostPoint) -> bool:
        its, others = (pairs[int(it.summary.name)] for it in (one, other))
        return its[0] <= others[0] and its[1] >= others[1] and its != others

    expected = {one for one in points if not any(dominates(other, one) for other in points)}
    assert set(pareto_front(points, MULTIPLY_ADDS)) == expected
    found = dominators(points, MULTIPLY_ADDS)
    assert {one for one, by in found.items() if by} == set(points) - expected
    assert all(set(by) <= expected for by in found.values())


def test_the_sentence_names_the_front_and_the_dominators() -> None:
    """Latency and training time have one sentence each."""
    assert cost_sentence(POINTS) == (
        "For accuracy and latency, Cheap, Good and Best are on the Pareto front. Outdone is dominated by Good. "
        "For accuracy and training time, all architectures are on the Pareto front."
    )


def test_the_sentence_groups_architectures_with_the_same_dominators() -> None:
    """Architectures with the same dominators share a clause.

    A cost without values has no sentence.
    """
    unmeasured = [
        like("good", seconds=None),
        like("outdone", seconds=None),
        like("outdone", "other", seconds=None, latency_ms=0.4),
    ]
    assert cost_sentence(unmeasured).endswith(" Outdone and Other are dominated by Good.")
    assert "training time" not in cost_sentence(unmeasured)


def test_a_single_architecture_has_no_sentence() -> None:
    """With one architecture there is no comparison."""
    assert cost_sentence([GOOD]) == ""


def names_in(figure: Figure) -> list[list[str]]:
    """Return the names in each panel."""
    return [[text.get_text() for text in axes.texts] for axes in figure.axes]


def test_figure_shows_error_and_interval_in_each_panel() -> None:
    """Accuracies and intervals become errors in percent, and points on the front are marked."""
    training, latency, macs = cost_figure_values(POINTS, ORDER, test_images=10_000).values()
    assert [mark.name for mark in latency] == ["cheap", "good", "outdone", "best"]
    assert [mark.on_front for mark in latency] == [True, True, False, True]
    assert [mark.cost for mark in training] == [10.0, 20.0, 30.0, 80.0]
    cheap = macs[0]
    assert (cheap.error, cheap.low, cheap.high) == pytest.approx((2.0, 1.8, 2.2))


def test_figure_fills_the_front_and_names_the_points() -> None:
    """Points on the front are filled, and others are hollow.

    Every panel shows names and its cost.
    """
    panels = cost_figure_values(POINTS, ORDER, test_images=10_000)
    figure = draw_cost(panels)
    assert [sorted(names) for names in names_in(figure)] == [["Best", "Cheap", "Good", "Outdone"]] * 3
    assert [axes.get_xlabel() for axes in figure.axes] == [measure.axis for measure in panels]
    faces = {line.get_label(): line.get_markerfacecolor() for line in figure.axes[1].lines}
    assert to_rgba(faces["Outdone"]) == to_rgba("white")
    assert to_rgba(faces["Good"]) != to_rgba("white")


def test_the_front_is_a_step_line_from_the_top_to_the_right() -> None:
    """The first line of a panel steps down at each point of the front and reaches both borders."""
    axes = draw_cost(cost_figure_values(POINTS, ORDER, test_images=10_000)).axes[1]
    xs, ys = axes.lines[0].get_data()
    assert list(xs) == pytest.approx([0.1, 0.1, 0.1, 0.2, 0.2, 0.9, 0.9, axes.get_xlim()[1]])
    top = axes.get_ylim()[1]
    assert list(ys) == pytest.approx([top, top, 2.0, 2.0, 1.0, 1.0, 0.5, 0.5])


def test_a_panel_without_data_is_left_out() -> None:
    """A cost without values has no panel. Without accuracies there are no panels."""
    unmeasured = [like(name, latency_ms=None) for name in ORDER]
    assert list(cost_figure_values(unmeasured, ORDER, 10_000)) == [TRAINING, MULTIPLY_ADDS]
    assert cost_figure_values([like(name, accuracy=None) for name in ORDER], ORDER, 10_000) == {}


def test_a_perfect_accuracy_is_drawn_as_half_an_image() -> None:
    """An error of zero is drawn at half a test image, because the axis is logarithmic."""
    perfect = like("good", accuracy=1.0, interval=0.0)
    panels = cost_figure_values([perfect], ORDER, test_images=10_000)
    assert panels[TRAINING][0].error == pytest.approx(0.005)
    draw_cost(panels)


@pytest.mark.parametrize("distance", [0.0, 1e-4, 1e-3])
def test_names_do_not_overlap(distance: float) -> None:
    """The names of seven close or equal points do not overlap and stay in the panel."""
    names = [f"Architecture {place}" for place in range(7)]
    points = [
        point(name, 0.99 + distance * (place % 3), seconds=20.0 * (1 + 50 * distance * place))
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
    """Return the box of the text, without the line to its point."""
    return Text.get_window_extent(annotation)


def test_a_dozen_architectures_are_named_beside_the_panels() -> None:
    """Twelve names are in a column beside the panels and do not overlap."""
    names = [f"Architecture {place}" for place in range(12)]
    points = [point(name, 0.99, seconds=20.0, latency_ms=1.0) for name in names]
    figure = draw_cost(cost_figure_values(points, names, test_images=10_000))
    figure.draw_without_rendering()
    assert [len(texts) for texts in names_in(figure)] == [0, 12]
    boxes = [text_box(text) for text in figure.axes[1].texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_seconds_on_different_devices_are_never_compared() -> None:
    """Times on a CPU and on a GPU are not compared. Multiply-adds are always compared."""
    on_gpu, slow = like("good", device="cuda"), like("outdone", latency_ms=5.0, seconds=500.0)
    assert pareto_front([slow, on_gpu], LATENCY) == (on_gpu, slow)
    assert dominators([slow, on_gpu], TRAINING) == {on_gpu: (), slow: ()}
    assert pareto_front([slow, on_gpu], MULTIPLY_ADDS) == (on_gpu,)
    assert dominators([slow, GOOD], TRAINING) == {GOOD: (), slow: (GOOD,)}
