"""Tests of the expected best accuracy against the budget, and of its figure."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from harness.report.sections.budget.figure import budget_figure_values, draw_budget
from harness.report.sections.budget.spending import FullTrial
from harness.report.sections.budget.values import (
    BudgetCurve,
    Lead,
    budget_curve,
    budget_sentence,
    expected_best,
    leaders,
)

ORDER = ("cheap", "middle", "dear")


def a_curve(
    name: str, accuracies: tuple[float, ...], seconds: float, full_trials: int = 5, unaudited: int = 0
) -> BudgetCurve:
    """Create a curve with these accuracies. The first trial costs `seconds`."""
    return BudgetCurve(name, name.title(), accuracies, seconds, full_trials, unaudited)


CROSSING = (a_curve("cheap", (0.90, 0.92, 0.93, 0.93), 10.0), a_curve("middle", (0.88, 0.95), 10.0))


@pytest.mark.parametrize("trials", [1, 2, 3, 4])
def test_expected_best_is_the_mean_over_every_possible_draw(trials: int) -> None:
    """The result equals the mean over all possible draws, including ties."""
    accuracies, weights = [0.97, 0.90, 0.97, 0.99], [1.0, 8.5, 2.0, 0.5]
    chance = [weight / sum(weights) for weight in weights]
    by_hand = sum(
        math.prod(chance[place] for place in draw) * max(accuracies[place] for place in draw)
        for draw in itertools.product(range(4), repeat=trials)
    )
    assert expected_best(accuracies, weights, trials)[-1] == pytest.approx(by_hand, abs=1e-12)


def test_expected_best_agrees_with_a_simulation() -> None:
    """The result agrees with 100,000 simulated searches of 20 trials."""
    generator = np.random.default_rng(5)
    accuracies, weights = generator.uniform(0.9, 0.99, 6), generator.uniform(0.5, 9.0, 6)
    draws = generator.choice(accuracies, size=(100_000, 20), p=weights / weights.sum())
    assert expected_best(list(accuracies), list(weights), 20)[-1] == pytest.approx(draws.max(axis=1).mean(), abs=5e-5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(1, 30))
def test_more_trials_are_never_worse_and_never_better_than_the_best_trial(accuracies: list[float], trials: int) -> None:
    """The expectation increases with the trials, from the mean to at most the maximum."""
    weights = [1.0] * len(accuracies)
    values = expected_best(accuracies, weights, trials)
    assert len(values) == trials
    assert values[0] == pytest.approx(np.mean(accuracies))
    assert (np.diff(values) >= -1e-12).all()
    assert values[-1] <= max(accuracies) + 1e-12


def test_a_weight_counts_like_repeated_trials() -> None:
    """One audited trial with weight 3 counts as three trials with its accuracy."""
    assert expected_best([0.9, 0.99], [3.0, 1.0], 4) == pytest.approx(
        expected_best([0.9, 0.9, 0.9, 0.99], [1.0] * 4, 4)
    )


@pytest.mark.parametrize(
    ("accuracies", "weights", "trials"), [([], [], 1), ([0.9], [], 1), ([0.9], [0.0], 1), ([0.9], [1.0], 0)]
)
def test_impossible_input_is_refused(accuracies: list[float], weights: list[float], trials: int) -> None:
    """No accuracies, a missing weight, a weight of zero, and no trials are errors."""
    with pytest.raises(ValueError, match="weights"):
        expected_best(accuracies, weights, trials)


def test_a_curve_has_a_value_for_each_configuration_tried() -> None:
    """The curve has a point per configuration. Its seconds are multiples of the weighted mean."""
    trials = [FullTrial(0.98, 20.0), FullTrial(0.95, 10.0, weight=3.0)]
    curve = budget_curve("mlp", "MLP", trials, configurations=4)
    assert curve is not None
    assert len(curve.accuracies) == 4
    assert curve.accuracies[0] == pytest.approx((0.98 + 3 * 0.95) / 4)
    assert curve.seconds == pytest.approx((12.5, 25.0, 37.5, 50.0))


def test_without_a_full_trial_there_is_no_curve() -> None:
    """An architecture without a trial that trained to its last epoch has no curve."""
    assert budget_curve("mlp", "MLP", [], configurations=4) is None


def test_a_curve_starts_at_its_first_trial_and_is_constant_after_its_last() -> None:
    """Below one trial the value is NaN.

    Between trials it is interpolated, and after the last constant.
    """
    curve = a_curve("mlp", (0.9, 0.96), 10.0)
    values = curve.at_seconds([9.0, 10.0, 15.0, 20.0, 1000.0])
    assert np.isnan(values[0])
    assert values[1:] == pytest.approx([0.9, 0.93, 0.96, 0.96])


@given(st.floats(0.001, 1e6))
def test_the_budget_of_the_first_trial_is_enough_for_it(seconds: float) -> None:
    """Rounding never makes the first point of a curve more expensive than its own budget."""
    curve = a_curve("mlp", (0.9,), seconds)
    assert not np.isnan(curve.at_seconds(curve.seconds)).any()


def test_the_lead_changes_where_the_curves_cross() -> None:
    """Two lines that cross between 10 and 20 seconds each lead on one side of the crossing."""
    assert leaders(CROSSING) == (
        Lead(10.0, pytest.approx(14.0), ("cheap",)),
        Lead(pytest.approx(14.0), math.inf, ("middle",)),
    )


def test_the_lead_changes_when_a_better_architecture_can_be_trained() -> None:
    """A better architecture leads from its first trial on, although no curves cross there."""
    curves = [a_curve("cheap", (0.90, 0.91), 10.0), a_curve("dear", (0.99,), 500.0)]
    assert leaders(curves) == (Lead(10.0, 500.0, ("cheap",)), Lead(500.0, math.inf, ("dear",)))


def test_equal_curves_share_the_lead() -> None:
    """Two architectures with the same curve lead together at every budget."""
    same = [a_curve("cheap", (0.9, 0.95), 10.0), a_curve("dear", (0.9, 0.95), 10.0)]
    assert leaders(same) == (Lead(10.0, math.inf, ("cheap", "dear")),)
    assert budget_sentence(same).startswith("Cheap and Dear have ")


def test_leaders_have_the_highest_value_at_every_budget() -> None:
    """For random curves, the leader has the highest value at each of 1,000 budgets."""
    generator = np.random.default_rng(3)
    curves = [
        a_curve(name, tuple(np.sort(generator.uniform(0.9, 0.99, 12))), generator.uniform(1, 40)) for name in ORDER
    ]
    budgets = np.geomspace(min(curve.seconds[0] for curve in curves) * 1.0001, 1000, 1000)
    best = np.nanargmax([curve.at_seconds(budgets) for curve in curves], axis=0)
    leads = leaders(curves)
    named = [next(lead.names for lead in leads if lead.start <= budget < lead.end) for budget in budgets]
    assert named == [(ORDER[place],) for place in best]
    assert len(leads) > 2


def test_the_sentence_names_each_of_a_few_leaders() -> None:
    """The sentence names all leaders, their budgets, and a leader without a crossing of curves."""
    assert budget_sentence([*CROSSING, a_curve("dear", (0.99,), 500.0)]) == (
        "Up to 14 s of training, Cheap has the lowest expected validation error. After that, the best architecture is "
        "Middle (up to 500 s) and Dear (from 500 s on). Dear becomes the best as soon as the training time is "
        "enough for one trial."
    )


def test_the_sentence_for_a_crossing_names_both_leaders() -> None:
    """The sentence has only both leaders and the budget at which the lead changes."""
    sentence = budget_sentence(CROSSING)
    assert re.findall(r"Cheap|Middle|Dear|\d+ s", sentence) == ["14 s", "Cheap", "Middle", "14 s"]


def test_the_sentence_counts_the_changes_if_there_are_many() -> None:
    """With six changes, the sentence has their number and the first and last leader."""
    steps = [a_curve(f"a{place}", (0.90 + 0.01 * place,), 10.0 * 2**place) for place in range(7)]
    found = re.findall(r"A\d|\d+ s|\d+ times", budget_sentence(steps))
    assert found == ["20 s", "A0", "640 s", "A6", "6 times"]


def test_one_curve_has_no_leader() -> None:
    """With one architecture, the sentence names no leader."""
    assert "Cheap" not in budget_sentence(CROSSING[:1])


def test_the_sentence_warns_of_unaudited_curves_and_few_trials() -> None:
    """The sentence names architectures without an audit or with fewer than three full trials."""
    curves = [a_curve("cheap", (0.99,), 10.0, unaudited=24), a_curve("dear", (0.9,), 10.0, full_trials=2)]
    _, survivors, few = re.split(r"(?<=\.) (?=The line|Dear has)", budget_sentence(curves))
    assert survivors.startswith("The line of Cheap is")
    assert "(24)" in survivors
    assert few.startswith("Dear has fewer than 3 ")
    assert "All lines are" in budget_sentence([a_curve(name, (0.9,), 10.0, unaudited=1) for name in ORDER])


def texts_of(figure: Figure) -> list[str]:
    """Return all texts in the axes and the text below them."""
    return [text.get_text() for axes in figure.axes for text in axes.texts] + [text.get_text() for text in figure.texts]


def test_figure_draws_the_curves_in_both_panels() -> None:
    """The lines show the error by trials on the left and by seconds on the right."""
    values = budget_figure_values(CROSSING, ORDER, validation_images=5000)
    by_trials, by_seconds = draw_budget(values).axes
    for curve, line, left in zip(CROSSING, values.lines, by_trials.lines, strict=True):
        marked = list(line.marked)
        assert np.array(line.errors)[marked] == pytest.approx([100 * (1 - accuracy) for accuracy in curve.accuracies])
        assert np.array(line.seconds)[marked] == pytest.approx(curve.seconds)
        assert left.get_xdata()[marked] == pytest.approx(range(1, len(curve.accuracies) + 1))
    assert by_seconds.get_xlabel() == "training time (s)"
    assert by_trials.get_ylabel() == "expected best validation error (%)"
    assert (by_trials.get_yscale(), by_seconds.get_xscale()) == ("log", "log")


def test_figure_names_the_lines_and_the_change_of_the_lead() -> None:
    """Each line has its name, and the budget of each change of the lead is above the panel."""
    values = budget_figure_values([*CROSSING, a_curve("dear", (0.8,), 5.0, unaudited=3)], ORDER, validation_images=5000)
    texts = texts_of(draw_budget(values))
    assert {"Cheap", "Middle", "Dear*", "10 s", "14 s"} <= set(texts)
    assert any(text.startswith("* ") for text in texts)


def test_an_error_of_zero_is_drawn_as_half_an_image() -> None:
    """An error of zero is drawn at half a validation image, because the axis is logarithmic."""
    values = budget_figure_values([a_curve("cheap", (1.0,), 10.0)], ORDER, validation_images=5000)
    assert min(values.lines[0].errors) == pytest.approx(0.01)
    draw_budget(values)


def test_a_dozen_names_do_not_overlap() -> None:
    """The names of twelve lines that end at nearly the same error do not overlap."""
    names = [f"architecture number {place}" for place in range(12)]
    curves = [a_curve(name, (0.97, 0.98 + 1e-5 * place), 10.0) for place, name in enumerate(names)]
    figure = draw_budget(budget_figure_values(curves, names, validation_images=5000))
    figure.draw_without_rendering()
    names_drawn = [text for text in figure.axes[1].texts if text.get_text().startswith("Architecture")]
    boxes = [text.get_window_extent() for text in names_drawn]
    assert len(boxes) == 12
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
