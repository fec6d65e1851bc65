"""How many seeds would probably decide a comparison that is undecided, or why none would."""

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
    """What keeps a comparison from being decided: too few seeds, or too few test images for so small a difference."""

    SEEDS = "seeds"
    IMAGES = "test images"


@dataclass(frozen=True)
class Outlook:
    """What it would take to decide.

    Attributes:
        seeds: the smallest number, up to 1000, that would decide with a probability of 80 %; None when none would.
        limit: what is lacking. With SEEDS and no number, more than 1000 would be needed, or there is one seed now
            and nothing is known of how seeds scatter.
    """

    seeds: int | None
    limit: Limit


def outlook(difference: float, variances: Variances, level: float, rope: float, seeds: int) -> Outlook:
    """What would decide, if the difference and its variances are what they were estimated to be.

    More seeds are trained for the same test images, so the difference on these images is what they approach, and the
    images' share of the interval's width stays. A decision is "better" (the interval leaves out 0 and Wilson's
    interval of the wins leaves out 1/2) or "equivalent" (the interval lies within the region of practical
    equivalence).

    Args:
        difference: as estimated.
        variances: as estimated.
        level: of the interval that decides.
        rope: half the width of the region of practical equivalence.
        seeds: so many there are already.
    """
    if variances.seeds is None:
        return Outlook(None, Limit.SEEDS)
    if variances.seeds == 0:  # no image told the models apart, and more of the same models would not change that
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
    """Probability of "better" or of "equivalent", whichever is larger, for each number of seeds.

    The interval's half width is taken as sqrt(t^2 V_seeds + z^2 V_images), Banerjee's (1961) approximation.

    Args:
        size: the difference, not negative.
        seed_variance: of the difference at one seed.
        image_variance: what the images add to the variance of the mean.
        level: of the interval.
        rope: half the width of the region of practical equivalence.
        seeds: (M,), numbers of seeds, two or more.
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
