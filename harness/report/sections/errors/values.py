"""Errors that architectures share.

An architecture misclassifies an image if more than half of its seeds do. The error of a single seed
can be chance, because two seeds of one architecture differ in many of their errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.report.findings import Findings
from harness.report.page.formatting import count, percent

Correct = Mapping[int, npt.NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class ErrorOverlap:
    """Errors of A architectures on N test images.

    Attributes:
        names: Names of the architectures.
        missed: Whether an architecture misclassifies an image, bool of shape (A, N).
        by_architectures: Number of images that exactly 0, 1, ... A architectures misclassify, of
            shape (A + 1,).
        shared: Number of images that the row's architecture misclassifies together with exactly
            0, 1, ... A - 1 others, of shape (A, A).
        jaccard: Images that both architectures misclassify, as a fraction of those that at least
            one of the two misclassifies, of shape (A, A). NaN if neither has errors.
        oracle_accuracy: Accuracy of an oracle that is correct on every image that at least one
            architecture classifies correctly.
    """

    names: tuple[str, ...]
    missed: npt.NDArray[np.bool_]
    by_architectures: npt.NDArray[np.int64]
    shared: npt.NDArray[np.int64]
    jaccard: npt.NDArray[np.float64]
    oracle_accuracy: float


def overlap(findings: Findings) -> ErrorOverlap | None:
    """Compute the shared errors of a run. None without predictions."""
    return error_overlap(findings.correct) if findings.correct else None


def error_overlap(correct: Mapping[str, Correct]) -> ErrorOverlap:
    """Compute the shared errors.

    Args:
        correct: For each architecture and seed, whether the model classified each test image
            correctly, bool of shape (N,).

    Raises:
        ValueError: There is no architecture, one has no seed, or the numbers of images differ.
    """
    shapes = {right.shape for seeds in correct.values() for right in seeds.values()}
    if not correct or not all(correct.values()) or len(shapes) != 1:
        raise ValueError(
            f"each architecture needs a seed, and all seeds the same images; got the shapes {sorted(shapes)}"
        )
    missed = np.array([most_seeds_miss(seeds) for seeds in correct.values()])
    architectures, images = missed.shape
    by_image = missed.sum(axis=0)
    both = missed.astype(np.int64) @ missed.T.astype(np.int64)
    own = np.diag(both)
    either = own[:, None] + own[None, :] - both
    return ErrorOverlap(
        names=tuple(correct),
        missed=missed,
        by_architectures=np.bincount(by_image, minlength=architectures + 1),
        shared=np.array([np.bincount(by_image[row] - 1, minlength=architectures) for row in missed]),
        jaccard=np.divide(both, either, out=np.full(both.shape, np.nan), where=either > 0),
        oracle_accuracy=float(1 - np.count_nonzero(by_image == architectures) / images),
    )


def most_seeds_miss(correct: Correct) -> npt.NDArray[np.bool_]:
    """Return whether more than half of the seeds misclassify each image, bool of shape (N,)."""
    wrong = ~np.array(list(correct.values()), dtype=bool)  # (seeds, N)
    return np.asarray(2 * wrong.sum(axis=0) > len(wrong))


def overlap_sentence(overlap: ErrorOverlap) -> str:
    """Describe how many images the architectures misclassify. Empty for a single architecture."""
    architectures, images = overlap.missed.shape
    if architectures < 2:
        return ""
    none, alone, every = (int(overlap.by_architectures[number]) for number in (0, 1, architectures))
    return (
        f"Of {count(images)} test images, {count(images - none)} are misclassified by at least one of the "
        f"{architectures} architectures, {count(alone)} by exactly one and {count(every)} by all. An oracle "
        "that chooses the best architecture for each image would reach an accuracy of "
        f"{percent(overlap.oracle_accuracy)} %."
    )


def overlap_groups(architectures: int) -> Sequence[tuple[int, int]]:
    """Group the numbers of architectures that share an error into at most five ranges.

    >>> overlap_groups(3), overlap_groups(12)
    (((1, 1), (2, 2), (3, 3)), ((1, 1), (2, 2), (3, 6), (7, 11), (12, 12)))
    """
    if architectures <= 5:
        return tuple((number, number) for number in range(1, architectures + 1))
    half = architectures // 2
    return ((1, 1), (2, 2), (3, half), (half + 1, architectures - 1), (architectures, architectures))
