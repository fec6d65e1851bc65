"""Logarithmic axes with round numbers at the ticks, for narrow and wide ranges."""

from __future__ import annotations

import math
from collections.abc import Callable

from matplotlib.axis import XAxis, YAxis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

TICKS_AS_ON_A_LINEAR_AXIS = 5.0  # up to this ratio of the ends, 1, 2 and 5 are too few ticks
# The first entry that gives enough ticks is used.
STEPS_OF_A_DECADE = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
ENOUGH_TICKS = 4


def round_ticks(low: float, high: float) -> list[float]:
    """Return round numbers for the ticks of a logarithmic axis.

    Without at least two round numbers between the ends, the result is the ends.

    >>> round_ticks(0.9, 25.0)
    [1.0, 2.0, 5.0, 10.0, 20.0]
    >>> round_ticks(0.42, 1.1)
    [0.6, 0.8, 1.0]

    Raises:
        ValueError: The numbers are not positive and ascending.
    """
    if not 0 < low < high:
        raise ValueError(f"a logarithmic axis needs 0 < low < high, got {low} and {high}")
    if high / low <= TICKS_AS_ON_A_LINEAR_AXIS:
        candidates = [float(tick) for tick in MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(low, high)]
    else:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for steps in STEPS_OF_A_DECADE:
            candidates = [float(f"{step}e{decade}") for decade in decades for step in steps]
            if sum(low <= tick <= high for tick in candidates) >= ENOUGH_TICKS:
                break
    inside = [float(f"{tick:.6g}") for tick in candidates if low <= tick <= high]
    return inside if len(inside) >= 2 else [float(f"{low:.3g}"), float(f"{high:.3g}")]


def plain(value: float) -> str:
    """Format the tick of an axis without an exponent.

    >>> plain(0.5), plain(2000.0)
    ('0.5', '2,000')
    """
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"


def set_log_axis(axis: XAxis | YAxis, low: float, high: float, text: Callable[[float], str] = plain) -> None:
    """Make an axis logarithmic, with ticks on round numbers between the ends.

    Args:
        axis: `axes.xaxis` or `axes.yaxis`.
        low: Lower end of the axis.
        high: Upper end of the axis.
        text: Formats the label of a tick.
    """
    axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (low, high)})
    axis.set_major_locator(FixedLocator(round_ticks(low, high)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
