"""Whether a model is right as often as it is sure: expected calibration error and reliability bins.

As in Guo et al., "On Calibration of Modern Neural Networks" (2017, arXiv 1706.04599): 15 bins of equal width over
[0, 1], each closed on the right; the error is the mean distance of accuracy and confidence, weighted by images.
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
    """The images whose confidence lies in one bin; there is at least one.

    Attributes:
        start: lower edge, not included but in the first bin.
        end: upper edge, included.
        images: how many.
        confidence: mean over them.
        accuracy: fraction of them that the model got right.
        low: lower end of Wilson's 95 % interval of the accuracy.
        high: upper end of it.
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
    """How far the confidence of one model can be trusted.

    Attributes:
        error: expected calibration error, as a fraction.
        excess: mean confidence minus accuracy: over-confident above zero, under-confident below.
        images: how many.
        bins: those that hold an image, in ascending order.
    """

    error: float
    excess: float
    images: int
    bins: tuple[ReliabilityBin, ...]


def calibrations(findings: Findings) -> dict[str, Calibration]:
    """Architecture to the calibration of its first seed's model, for those that have probabilities."""
    found = {}
    for summary in findings.summaries:
        if summary.classification is not None:
            predictions = findings.run.predictions[summary.name, summary.classification.seed]
            if predictions.confidence is not None:
                found[summary.name] = calibrate(predictions.confidence, predictions.correct)
    return found


def calibrate(confidence: npt.ArrayLike, correct: npt.ArrayLike) -> Calibration:
    """Calibration of one model.

    Args:
        confidence: (N,) probabilities of the classes that the model gave.
        correct: (N,) bool, whether these classes were right.

    Raises:
        ValueError: there are no images, or not one confidence for each, or one is not in [0, 1].
    """
    sure, right = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=bool)
    if sure.ndim != 1 or sure.shape != right.shape or not len(sure):
        raise ValueError(f"confidence {sure.shape} and correct {right.shape} must be (N,) with N above 0")
    # Float32 probabilities may sum to a little more than 1.
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
