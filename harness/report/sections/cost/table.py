"""The table of what models cost."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records.cost import Quartiles
from harness.report.page.formatting import MISSING, count, magnitude, seconds
from harness.report.page.table import Table, make_table
from harness.report.sections.cost.values import CostPoint


def cost_table(points: Sequence[CostPoint]) -> Table:
    """Size, training time, latency and throughput of each architecture."""
    rows = [
        {
            "Architecture": point.title,
            "Parameters": count(point.parameters),
            "Multiply-adds": magnitude(point.macs),
            "Weights (kB)": MISSING if point.bytes is None else count(round(point.bytes / 1000)),
            "Training (s)": seconds(point.training_seconds),
            "To the best epoch (s)": seconds(point.best_epoch_seconds),
            "Latency, batch 1 (ms)": spread(point.measured.latency if point.measured else None, 1000),
            "Images/s, batch 512": spread(point.measured.throughput if point.measured else None, 1),
        }
        for point in points
    ]
    if len({point.device for point in points if point.device}) > 1:
        rows = [row | {"Device": point.device or MISSING} for row, point in zip(rows, points, strict=True)]
    return make_table(rows, {"Architecture", "Device"})


def spread(quartiles: Quartiles | None, scale: float) -> str:
    """Median and quartiles, three significant digits.

    >>> spread(Quartiles(low=0.0009, median=0.001, high=0.0012), 1000)
    '1.00 (0.900–1.20)'
    """
    if quartiles is None:
        return MISSING
    low, median, high = (significant(scale * value) for value in (quartiles.low, quartiles.median, quartiles.high))
    return f"{median} ({low}–{high})"


def significant(value: float) -> str:
    """Three significant digits, thousands set off.

    >>> significant(12345.6), significant(0.01234), significant(1.5)
    ('12,300', '0.0123', '1.50')
    """
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:#.3g}"
