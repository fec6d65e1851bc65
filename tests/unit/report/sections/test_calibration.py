"""Tests of the calibration of a model and of the reliability diagrams."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from harness.report.sections.calibration.figure import draw_calibration, excess_text
from harness.report.sections.calibration.values import BINS, Calibration, calibrate
from harness.statistics.estimates import wilson_interval


def simulated(exponent: float = 1.0, images: int = 20_000) -> Calibration:
    """Simulate a model that is correct with probability `confidence ** exponent`."""
    generator = np.random.default_rng(8)
    confidence = 1 - 0.7 * generator.beta(0.5, 3, images)
    return calibrate(confidence, generator.random(images) < confidence**exponent)


def test_calibration_of_a_small_example() -> None:
    """The error is the mean distance between accuracy and confidence, weighted by images."""
    found = calibrate([0.95, 0.97, 0.99, 0.50], [True, True, False, True])
    # The last bin has confidence 0.97 and accuracy 2/3. The bin around 0.5 has accuracy 1.
    assert found.error == pytest.approx(3 / 4 * (0.97 - 2 / 3) + 1 / 4 * 0.5)
    assert found.excess == pytest.approx(0.8525 - 0.75)
    assert [b.images for b in found.bins] == [1, 3]
    assert found.bins[1].confidence == pytest.approx(0.97)
    assert found.bins[1].accuracy == pytest.approx(2 / 3)
    assert (found.bins[1].low, found.bins[1].high) == wilson_interval(2, 3)


def test_bins_are_closed_on_the_right() -> None:
    """A confidence on an edge belongs to the bin below it, as in Guo et al.

    Zero is in the first bin.
    """
    found = calibrate([0.0, 1 / 15, 2 / 15, 1.0], [False, False, False, True])
    assert [(round(BINS * b.start), b.images) for b in found.bins] == [(0, 2), (1, 1), (14, 1)]


def test_bins_agree_with_scikit_learn() -> None:
    """Confidence and accuracy of every bin equal those of `calibration_curve`.

    No image is left out.
    """
    generator = np.random.default_rng(1)
    confidence = generator.uniform(0.1, 1.0, 3000)
    correct = generator.random(3000) < confidence
    accuracy, sure = calibration_curve(correct, confidence, n_bins=BINS)
    found = calibrate(confidence, correct)
    assert [b.accuracy for b in found.bins] == pytest.approx(accuracy)
    assert [b.confidence for b in found.bins] == pytest.approx(sure)
    assert sum(b.images for b in found.bins) == found.images == 3000


def test_a_perfectly_calibrated_model_has_almost_no_error() -> None:
    """The error of a calibrated model is only sampling noise, and the bins' intervals cover it."""
    found = simulated()
    assert found.error < 0.01
    assert abs(found.excess) < 0.005
    inside = [b.low <= b.confidence <= b.high for b in found.bins]
    assert np.mean(inside) >= 0.7


def test_an_overconfident_model_is_detected() -> None:
    """A model that is correct less often than its confidence has an excess equal to its error."""
    found = simulated(exponent=3.0)
    assert found.excess > 0.1
    assert found.error == pytest.approx(found.excess, abs=1e-3)


@pytest.mark.parametrize(
    ("confidence", "correct"), [([], []), ([0.5], []), ([1.5], [True]), ([-0.1], [True]), ([float("nan")], [True])]
)
def test_impossible_input_is_refused(confidence: list[float], correct: list[bool]) -> None:
    """No images, different lengths, and confidences that are not probabilities are errors."""
    with pytest.raises(ValueError, match="confidence"):
        calibrate(confidence, correct)


def test_float32_probabilities_slightly_above_one_are_accepted() -> None:
    """Rounding of a float32 softmax to slightly more than 1 is accepted."""
    assert calibrate(np.array([1.0000001], dtype=np.float32), [True]).bins[0].end == 1.0


def test_figure_draws_accuracy_and_images_of_each_bin() -> None:
    """Points, intervals and bars show the bins in percent, and the axes have labels."""
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


def test_figure_shows_calibration_error_and_excess() -> None:
    """Every panel shows the name, the calibration error and the excess of its model."""
    axes = draw_calibration([("Some CNN", simulated(3.0))]).axes[0]
    assert axes.get_title() == "Some CNN"
    error, excess = axes.texts[0].get_text().split("\n")
    assert " 1" in error
    assert excess.startswith("overconfident by 1")


def test_excess_text() -> None:
    """An excess that rounds to zero is neither overconfidence nor underconfidence."""
    assert excess_text(-0.0021) == "underconfident by 0.21 points"
    assert "by" not in excess_text(0.00004).split()


@pytest.mark.parametrize("models", [1, 2, 5, 12])
def test_every_model_has_its_own_panel(models: int) -> None:
    """Up to twelve models have two axes each, without overlaps. The confidence is always 1."""
    sure = calibrate(np.ones(100), np.ones(100, dtype=bool))
    figure = draw_calibration([(f"Model {place}", sure) for place in range(models)])
    assert len(figure.axes) == 2 * models
    boxes = [axes.get_position() for axes in figure.axes]
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])
    assert all(box.x0 >= 0 and box.x1 <= 1 and box.y0 >= 0 and box.y1 <= 1 for box in boxes)
