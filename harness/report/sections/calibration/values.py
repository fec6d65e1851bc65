"""Expected calibration error and reliability bins of a model.

The definition is that of Guo et al., "On Calibration of Modern Neural Networks" (2017, arXiv
1706.04599). There are 15 bins of equal width over [0, 1], each closed on the right. The error is
the mean distance between accuracy and confidence, weighted by the number of images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.report.findings import Findings
from harness.statistics.estimates import wilson_interval

BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """A bin of confidence with at least one image.

    Attributes:
        start: Lower edge. It belongs to the bin only in the first bin.
        end: Upper edge, which belongs to the bin.
        images: Number of images.
        confidence: Mean confidence of the images.
        accuracy: Fraction of the images that the model classified correctly.
        low: Lower end of Wilson's 95 % interval of the accuracy.
        high: Upper end of this interval.
    """

    start: float
    end: float
    images: int
    confidence: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Calibration:
    """Calibration of one model.

    Attributes:
        error: Expected calibration error, as a fraction.
        excess: Mean confidence minus accuracy. The model is overconfident if it is positive.
        images: Number of images.
        bins: Bins with at least one image, in ascending order.
    """

    error: float
    excess: float
    images: int
    bins: tuple[ReliabilityBin, ...]


def calibrations(findings: Findings) -> dict[str, Calibration]:
    """Compute the calibration of each architecture's first model that has probabilities."""
    found = {}
    for summary in findings.summaries:
        if summary.classification is not None:
            predictions = findings.run.predictions[summary.name, summary.classification.seed]
            if predictions.confidence is not None:
                found[summary.name] = calibrate(predictions.confidence, predictions.correct)
    return found


def calibrate(confidence: npt.ArrayLike, correct: npt.ArrayLike) -> Calibration:
    """Compute the calibration of one model.

    Args:
        confidence: Probabilities of the predicted classes, of shape (N,).
        correct: Whether the predicted classes are correct, bool of shape (N,).

    Raises:
        ValueError: There are no images, the shapes differ, or a confidence is not in [0, 1].
    """
    sure, right = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=bool)
    if sure.ndim != 1 or sure.shape != right.shape or not len(sure):
        raise ValueError(f"confidence {sure.shape} and correct {right.shape} must be (N,) with N above 0")
    # With float32 rounding, a probability can be slightly above 1.
    if not (sure.min() >= 0 and sure.max() <= 1 + 1e-5):
        raise ValueError(f"confidences must lie in [0, 1], got {sure.min()} to {sure.max()}")
    edges = np.linspace(0.0, 1.0, BINS + 1)
    place = np.searchsorted(edges[1:-1], sure)
    bins = tuple(
        _bin(float(edges[number]), float(edges[number + 1]), sure[place == number], right[place == number])
        for number in np.unique(place)
    )
    return Calibration(
        error=sum(b.images * abs(b.accuracy - b.confidence) for b in bins) / len(sure),
        excess=float(sure.mean() - right.mean()),
        images=len(sure),
        bins=bins,
    )


def _bin(start: float, end: float, sure: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> ReliabilityBin:
    low, high = wilson_interval(int(right.sum()), len(right))
    return ReliabilityBin(start, end, len(right), float(sure.mean()), float(right.mean()), low, high)
