"""Tests of the errors that architectures share, and of their figure."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from harness.report.sections.errors import overlap_table
from harness.report.sections.errors.figure import draw_overlap, overlap_figure_values
from harness.report.sections.errors.values import (
    ErrorOverlap,
    error_overlap,
    most_seeds_miss,
    overlap_groups,
    overlap_sentence,
)

TITLES = {"a": "A net", "b": "B net", "c": "C net"}


def right(*missed: int, images: int = 10) -> np.ndarray:
    """Create the outcomes of a model that misclassifies these images."""
    correct = np.ones(images, dtype=bool)
    correct[list(missed)] = False
    return correct


def three() -> ErrorOverlap:
    """Create an overlap: image 0 is missed by all, 1 by a and b, 2 and 3 by a, and 4 by c."""
    return error_overlap({"a": {1: right(0, 1, 2, 3)}, "b": {1: right(0, 1)}, "c": {1: right(0, 4)}})


def test_overlap_of_a_small_example() -> None:
    """Counts, shares of each architecture and oracle accuracy equal those computed by hand."""
    found = three()
    assert found.by_architectures.tolist() == [5, 3, 1, 1]
    assert found.shared.tolist() == [[2, 1, 1], [0, 1, 1], [1, 0, 1]]
    assert found.oracle_accuracy == pytest.approx(0.9)


def test_jaccard_agrees_with_scikit_learn() -> None:
    """The overlap of two architectures equals `jaccard_score` of their errors."""
    generator = np.random.default_rng(4)
    found = error_overlap({name: {1: generator.random(500) > 0.2} for name in TITLES})
    for row in range(3):
        for column in range(3):
            expected = jaccard_score(found.missed[row], found.missed[column])
            assert found.jaccard[row, column] == pytest.approx(expected)


def test_an_image_is_missed_when_more_than_half_of_the_seeds_miss_it() -> None:
    """Errors of two of three seeds count as an error. Errors of one of two seeds do not."""
    assert most_seeds_miss({1: right(0, 1), 2: right(0), 3: right(2)})[:3].tolist() == [True, False, False]
    assert most_seeds_miss({1: right(0), 2: right()})[:1].tolist() == [False]


def test_architectures_without_errors_have_no_overlap() -> None:
    """Without errors there is no overlap, no figure and no most similar architecture."""
    found = error_overlap({"a": {1: right()}, "b": {1: right()}})
    assert np.isnan(found.jaccard).all()
    assert found.oracle_accuracy == 1.0
    assert overlap_table(found, TITLES).frame["Most similar"].tolist() == ["–", "–"]
    assert overlap_figure_values(found, TITLES) is None


@pytest.mark.parametrize("correct", [{}, {"a": {}}, {"a": {1: right()}, "b": {1: right(images=9)}}])
def test_incomparable_predictions_are_refused(correct: dict[str, dict[int, np.ndarray]]) -> None:
    """No architecture, no seeds, and test sets of different sizes are errors."""
    with pytest.raises(ValueError, match="same images"):
        error_overlap(correct)


def test_rows_have_error_counts_and_the_most_similar_architecture() -> None:
    """A row has the error counts and the architecture with the largest overlap."""
    assert overlap_table(three(), TITLES).frame.iloc[0].tolist() == ["A net", "4", "2", "B net (50 % shared)"]


def test_the_sentence_counts_the_images() -> None:
    """The sentence has the counts and the oracle accuracy. One architecture has no sentence."""
    numbers = re.findall(r"[\d.]*\d", overlap_sentence(three()))
    assert numbers == ["10", "5", "3", "3", "1", "90.00"]
    assert overlap_sentence(error_overlap({"a": {1: right(0)}})) == ""


@pytest.mark.parametrize("architectures", range(1, 13))
def test_groups_cover_every_number_of_architectures_once(architectures: int) -> None:
    """Each number of architectures is in exactly one of at most five groups."""
    groups = overlap_groups(architectures)
    assert [number for low, high in groups for number in range(low, high + 1)] == list(range(1, architectures + 1))
    assert len(groups) <= 5


def test_figure_has_a_bar_for_each_architecture_with_its_groups() -> None:
    """Bars are sorted by errors, and each part of a bar has its number."""
    values = overlap_figure_values(three(), TITLES)
    assert values is not None
    assert list(values.itertuples(name=None)) == [("B net", 0, 1, 1), ("C net", 1, 0, 1), ("A net", 2, 1, 1)]
    figure = draw_overlap(values)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["B net", "C net", "A net"]
    assert [patch.get_width() for patch in axes.patches] == [0, 1, 2, 1, 0, 1, 1, 1, 1]
    assert [text.get_text() for text in axes.texts if text.get_text()] == ["1", "2", "1", "1", "1", "1", "1"]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[1:] == ["2 architectures", "all 3"]


def test_a_single_architecture_has_no_figure() -> None:
    """One architecture has no overlap to show."""
    assert overlap_figure_values(error_overlap({"a": {1: right(0)}}), TITLES) is None


def test_a_dozen_architectures_are_grouped() -> None:
    """The errors of twelve architectures are in five groups that add up to all errors."""
    generator = np.random.default_rng(2)
    hard = generator.random(2000)
    names = [f"net {place}" for place in range(12)]
    correct = {name: {1: (hard > 0.02) & (generator.random(2000) > 0.02)} for name in names}
    found = error_overlap(correct)
    values = overlap_figure_values(found, {name: name for name in names})
    assert values is not None
    assert list(values.columns)[1:] == ["2 architectures", "3 to 6 architectures", "7 to 11 architectures", "all 12"]
    assert values.sum(axis=1).tolist() == sorted(found.missed.sum(axis=1))
    draw_overlap(values)
