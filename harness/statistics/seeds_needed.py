"""Number of seeds that would probably decide an undecided comparison."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy import stats

from harness.statistics.resampling import Variances
from harness.statistics.wins import fewest_wins

MOST_SEEDS = 1000
POWER = 0.8


class Limit(StrEnum):
    """What keeps a comparison undecided: too few seeds, or too few test images."""

    SEEDS = "seeds"
    IMAGES = "test images"


@dataclass(frozen=True)
class Outlook:
    """What is needed to decide a comparison.

    Attributes:
        seeds: Smallest number of seeds, up to 1000, that decides with a probability of 80 %; None
            if there is no such number.
        limit: What is missing. If it is SEEDS and `seeds` is None, either more than 1000 seeds are
            needed, or one seed gives no estimate of the variance over seeds.
    """

    seeds: int | None
    limit: Limit


def outlook(difference: float, variances: Variances, level: float, rope: float, seeds: int) -> Outlook:
    """Estimate how many seeds would decide, assuming that difference and variances stay the same.

    More seeds do not change the test images. So the difference approaches the difference on these
    images, and the contribution of the images to the width of the interval remains. A decision is
    "better" (the interval excludes zero and Wilson's interval of P(A > B) excludes one half) or
    "equivalent" (the interval lies within the region of practical equivalence).

    Args:
        difference: Estimated difference.
        variances: Estimated variance components.
        level: Level of the corrected interval.
        rope: Half the width of the region of practical equivalence, as a fraction.
        seeds: Number of seeds that exist already.
    """
    if variances.seeds is None:
        return Outlook(None, Limit.SEEDS)
    if variances.seeds == 0:  # the models agree on every image, which more seeds would not change
        return Outlook(None, Limit.IMAGES)
    size = abs(difference)
    width_of_images = float(stats.norm.ppf((1 + level) / 2) * np.sqrt(variances.images))
    if size <= width_of_images and size + width_of_images >= rope:
        return Outlook(None, Limit.IMAGES)
    numbers = np.arange(max(seeds + 1, 2), MOST_SEEDS + 1)
    powers = decision_power(size, variances.seeds, variances.images, level, rope, numbers)
    enough = numbers[powers >= POWER]
    return Outlook(int(enough[0]) if len(enough) else None, Limit.SEEDS)


def decision_power(
    size: float, seed_variance: float, image_variance: float, level: float, rope: float, seeds: npt.NDArray[np.int_]
) -> npt.NDArray[np.float64]:
    """Compute the larger of the probabilities of "better" and "equivalent".

    The half width of the interval is approximated by sqrt(t^2 V_seeds + z^2 V_images) (Banerjee
    1961).

    Args:
        size: Absolute difference.
        seed_variance: Variance of the difference at one seed.
        image_variance: Contribution of the images to the variance of the mean.
        level: Level of the interval.
        rope: Half the width of the region of practical equivalence.
        seeds: (M,) Numbers of seeds, each at least two.

    Returns:
        (M,) Probability for each number of seeds.
    """
    of_seeds = np.sqrt(seed_variance / seeds)
    t, z = stats.t.ppf((1 + level) / 2, seeds - 1), stats.norm.ppf((1 + level) / 2)
    half_width = np.sqrt((t * of_seeds) ** 2 + z**2 * image_variance)
    leaves_out_zero = stats.norm.cdf((size - half_width) / of_seeds)
    needed = np.array([fewest_wins(number) for number in seeds.tolist()])
    wins = stats.binom.sf(needed - 1, seeds, stats.norm.cdf(size / np.sqrt(seed_variance)))
    room = rope - half_width
    inside = stats.norm.cdf((room - size) / of_seeds) - stats.norm.cdf((-room - size) / of_seeds)
    power: npt.NDArray[np.float64] = np.maximum(np.minimum(leaves_out_zero, wins), inside)
    return power
