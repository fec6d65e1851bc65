"""Formatting of numbers for readers. A missing value is a dash."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from harness.records.trial import Scalar

MISSING = "–"


def percent(fraction: float | None) -> str:
    """Format a fraction in percent with two decimals, without the percent sign.

    >>> percent(0.98765)
    '98.77'
    """
    return MISSING if fraction is None or math.isnan(fraction) else f"{100 * fraction:.2f}"


def percent_range(low: float, high: float) -> str:
    """Format an interval of fractions in percent.

    >>> percent_range(0.99, 0.995)
    '99.00–99.50'
    """
    return f"{percent(low)}–{percent(high)}"


def signed_points(difference: float | None) -> str:
    """Format a difference of fractions in percentage points, with its sign.

    >>> signed_points(-0.0012)
    '−0.12'
    """
    if difference is None:
        return MISSING
    return f"{round(100 * difference, 2) + 0.0:+.2f}".replace("-", "−")


def signed_range(low: float, high: float) -> str:
    """Format an interval of differences in percentage points.

    >>> signed_range(-0.0012, 0.01)
    '−0.12 to +1.00'
    """
    return f"{signed_points(low)} to {signed_points(high)}"


def probability(p: float) -> str:
    """Format a p-value.

    >>> probability(0.0312), probability(0.00002)
    ('0.031', '< 0.001')
    """
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def count(number: int | None) -> str:
    """Format an integer with thousands separators.

    >>> count(157866)
    '157,866'
    """
    return MISSING if number is None else f"{number:,}"


def counted_seeds(number: int) -> str:
    """Format a number of seeds.

    >>> counted_seeds(1), counted_seeds(5)
    ('1 seed', '5 seeds')
    """
    return f"{count(number)} seed{'' if number == 1 else 's'}"


def seed_range(seeds: Sequence[int]) -> str:
    """Format consecutive seeds by the first and the last.

    >>> seed_range([1, 2, 3]), seed_range([1])
    ('1 to 3', '1')
    """
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])


def significant(value: float) -> str:
    """Format a number with three significant digits and thousands separators.

    >>> significant(12345.6), significant(0.01234), significant(1.5), significant(99.96)
    ('12,300', '0.0123', '1.50', '100')
    """
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:#.3g}"


def magnitude(number: int | None) -> str:
    """Format an integer in thousands, millions or billions, with three significant digits.

    >>> magnitude(416520), magnitude(3_104_000), magnitude(840)
    ('417 k', '3.10 M', '840')
    """
    if number is None:
        return MISSING
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= scale:
            return f"{significant(number / scale)} {unit}"
    return str(number)


def seconds(duration: float | None) -> str:
    """Format seconds with one decimal.

    >>> seconds(1234.56)
    '1,234.6'
    """
    return MISSING if duration is None else f"{duration:,.1f}"


def share(part: float, whole: float) -> str:
    """Format a part of a whole in percent, without decimals.

    >>> share(1, 3), share(1, 0)
    ('33 %', '–')
    """
    return f"{100 * part / whole:.0f} %" if whole > 0 else MISSING


def listed(names: Sequence[str]) -> str:
    """Join names for a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def scalar(value: Scalar) -> str:
    """Format the value of a hyperparameter.

    >>> scalar(0.0030000000000000001), scalar(128), scalar("adamw")
    ('0.003', '128', 'adamw')
    """
    return f"{value:g}" if isinstance(value, float) else str(value)


def assignments(hyperparameters: Mapping[str, Scalar]) -> str:
    """Format hyperparameters in one line.

    >>> assignments({"learning_rate": 0.003, "units": 512})
    'learning_rate 0.003, units 512'
    """
    return ", ".join(f"{name} {scalar(value)}" for name, value in hyperparameters.items()) or "defaults"
