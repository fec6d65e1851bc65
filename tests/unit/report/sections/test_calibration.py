"""Calibration of a model, and the reliability diagrams."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from harness.report.sections.calibration.figure import draw_calibration, excess_text
from harness.report.sections.calibration.values import BINS, Calibration, calibrate
from harness.statistics.estimates import wilson_interval


def simulated(exponent: float = 1.0, images: int = 20_000) -> Calibration:
    """A model that is right with the probability of its confidence to the power of the exponent."""
    generator = np.random.default_rng(8)
    confidence = 1 - 0.7 * generator.beta(0.5, 3, images)
    return calibrate(confidence, generator.random(images) < confidence**exponent)


def test_calibration_of_a_case_by_hand() -> None:
    """Four images in two bins: the error is the mean distance of accuracy and confidence, weighted by images."""
    found = calibrate([0.95, 0.97, 0.99, 0.50], [True, True, False, True])
    # The bin that ends at 1: confidence 0.97, accuracy 2/3. The bin around one half: confidence 0.5, accuracy 1.
    assert found.error == pytest.approx(3 / 4 * (0.97 - 2 / 3) + 1 / 4 * 0.5)
    assert found.excess == pytest.approx(0.8525 - 0.75)
    assert [b.images for b in found.bins] == [1, 3]
    assert found.bins[1].confidence == pytest.approx(0.97)
    assert found.bins[1].accuracy == pytest.approx(2 / 3)
    assert (found.bins[1].low, found.bins[1].high) == wilson_interval(2, 3)


def test_bins_are_closed_on_the_right() -> None:
    """A confidence on an edge belongs to the bin below it, as in Guo et al.; zero belongs to the first."""
    found = calibrate([0.0, 1 / 15, 2 / 15, 1.0], [False, False, False, True])
    assert [(round(BINS * b.start), b.images) for b in found.bins] == [(0, 2), (1, 1), (14, 1)]


def test_bins_agree_with_scikit_learn() -> None:
    """Mean confidence and accuracy of every bin are those of `calibration_curve`, and all images are in a bin."""
    generator = np.random.default_rng(1)
    confidence = generator.uniform(0.1, 1.0, 3000)
    correct = generator.random(3000) < confidence
    accuracy, sure = calibration_curve(correct, confidence, n_bins=BINS)
    found = calibrate(confidence, correct)
    assert [b.accuracy for b in found.bins] == pytest.approx(accuracy)
    assert [b.confidence for b in found.bins] == pytest.approx(sure)
    assert sum(b.images for b in found.bins) == found.images == 3000


def test_a_perfectly_calibrated_model_has_almost_no_error() -> None:
    """Who is right as often as sure has an error of sampling noise alone, and lies within the bins' intervals."""
    found = simulated()
    assert found.error < 0.01
    assert abs(found.excess) < 0.005
    inside = [b.low <= b.confidence <= b.high for b in found.bins]
    assert np.mean(inside) >= 0.7


def test_an_over_confident_model_is_found_out() -> None:
    """Who is right less often than sure has an excess, and an error of the same size."""
    found = simulated(exponent=3.0)
    assert found.excess > 0.1
    assert found.error == pytest.approx(found.excess, abs=1e-3)


@pytest.mark.parametrize(
    ("confidence", "correct"), [([], []), ([0.5], []), ([1.5], [True]), ([-0.1], [True]), ([float("nan")], [True])]
)
def test_impossible_input_is_refused(confidence: list[float], correct: list[bool]) -> None:
    """No images, lengths that differ, and what is no probability are errors."""
    with pytest.raises(ValueError, match="confidence"):
        calibrate(confidence, correct)


def test_float32_probabilities_that_exceed_one_are_taken() -> None:
    """The rounding of a softmax in float32 does not make a model unreadable."""
    assert calibrate(np.array([1.0000001], dtype=np.float32), [True]).bins[0].end == 1.0


def test_figure_draws_accuracy_and_images_of_each_bin() -> None:
    """Points, intervals and bars hold the bins in percent, and the axes say what they are."""
    found = simulated()
    upper, lower = draw_calibration([("Some CNN", found)]).axes
    points = next(line for line in upper.lines if line.get_marker() == "o")
    assert points.get_xdata() == pytest.approx([100 * b.confidence for b in found.bins])
    assert points.get_ydata() == pytest.approx([100 * b.accuracy for b in found.bins])
    ends = [segment[:, 1].tolist() for segment in upper.collections[0].get_segments()]
    assert ends == [pytest.approx([100 * b.low, 100 * b.high]) for b in found.bins]
    assert [bar.get_height() for bar in lower.patches] == [b.images for b in found.bins]
    assert lower.get_yscale() == "log"
    assert (upper.get_ylabel(), lower.get_ylabel(), lower.get_xlabel()) == ("accuracy (%)", "images", "confidence (%)")
    assert upper.get_xlim() == lower.get_xlim()


def test_figure_says_how_large_the_error_is_and_which_way() -> None:
    """Every panel has the name, the calibration error and the excess of its model."""
    axes = draw_calibration([("Some CNN", simulated(3.0))]).axes[0]
    assert axes.get_title() == "Some CNN"
    error, excess = axes.texts[0].get_text().split("\n")
    assert " 1" in error
    assert excess.startswith("overconfident by 1")


def test_excess_in_words() -> None:
    """Less than half a hundredth of a point is neither overconfidence nor underconfidence."""
    assert excess_text(-0.0021) == "underconfident by 0.21 points"
    assert "by" not in excess_text(0.00004).split()


@pytest.mark.parametrize("models", [1, 2, 5, 12])
def test_every_model_has_a_panel_of_its_own(models: int) -> None:
    """One to twelve models have two axes each, which do not overlap; a model that is always sure among them."""
    sure = calibrate(np.ones(100), np.ones(100, dtype=bool))
    figure = draw_calibration([(f"Model {place}", sure) for place in range(models)])
    assert len(figure.axes) == 2 * models
    boxes = [axes.get_position() for axes in figure.axes]
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])
    assert all(box.x0 >= 0 and box.x1 <= 1 and box.y0 >= 0 and box.y1 <= 1 for box in boxes)
