"""Which test images all architectures miss, which only one does, and how alike their mistakes are.

An architecture misses an image when more than half of its seeds do. One seed's mistake may be chance: two seeds of
one architecture differ in a good part of their mistakes. What most of them miss is the architecture's own.
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
    """Mistakes of A architectures on N test images.

    Attributes:
        names: of the architectures.
        missed: (A, N) bool, whether the architecture misses the image.
        by_architectures: (A + 1,) images that exactly 0, 1, ... A architectures miss.
        shared: (A, A) images that the architecture of the row misses together with exactly 0, 1, ... A - 1 others.
        jaccard: (A, A) images that both miss, as a fraction of those that at least one of the two misses; NaN
            where neither misses any.
        oracle_accuracy: of who takes the right answer wherever one of the architectures has it.
    """

    names: tuple[str, ...]
    missed: npt.NDArray[np.bool_]
    by_architectures: npt.NDArray[np.int64]
    shared: npt.NDArray[np.int64]
    jaccard: npt.NDArray[np.float64]
    oracle_accuracy: float


def overlap(findings: Findings) -> ErrorOverlap | None:
    """Overlap of the mistakes; None without predictions."""
    return error_overlap(findings.correct) if findings.correct else None


def error_overlap(correct: Mapping[str, Correct]) -> ErrorOverlap:
    """Overlap of the mistakes.

    Args:
        correct: architecture to seed to (N,) bool, whether that model got the test image right.

    Raises:
        ValueError: there is no architecture, one has no seed, or the numbers of images differ.
    """
    shapes = {right.shape for seeds in correct.values() for right in seeds.values()}
    if not correct or not all(correct.values()) or len(shapes) != 1:
        raise ValueError(f"every architecture needs a seed, and all the same images; got the shapes {sorted(shapes)}")
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
    """(N,) bool, whether more than half of the seeds miss the image; half of them is not enough."""
    wrong = ~np.array(list(correct.values()), dtype=bool)  # (seeds, N)
    return np.asarray(2 * wrong.sum(axis=0) > len(wrong))


def overlap_sentence(overlap: ErrorOverlap) -> str:
    """How many images all architectures miss, and what an oracle would reach; empty for a single architecture."""
    architectures, images = overlap.missed.shape
    if architectures < 2:
        return ""
    none, alone, every = (int(overlap.by_architectures[number]) for number in (0, 1, architectures))
    return (
        f"Of {count(images)} test images, {count(images - none)} are missed by at least one of the {architectures} "
        f"architectures, {count(alone)} by exactly one and {count(every)} by all; who knew for each image which "
        f"architecture to ask would reach {percent(overlap.oracle_accuracy)} %."
    )


def overlap_groups(architectures: int) -> Sequence[tuple[int, int]]:
    """By how many architectures an image is missed, in at most five ranges: by one, two, few, many, all.

    >>> overlap_groups(3), overlap_groups(12)
    (((1, 1), (2, 2), (3, 3)), ((1, 1), (2, 2), (3, 6), (7, 11), (12, 12)))
    """
    if architectures <= 5:
        return tuple((number, number) for number in range(1, architectures + 1))
    half = architectures // 2
    return ((1, 1), (2, 2), (3, half), (half + 1, architectures - 1), (architectures, architectures))
