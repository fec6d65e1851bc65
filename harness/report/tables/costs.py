"""Tables of what models cost, how sure they are, and what they miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.records.cost import Quartiles
from harness.report.calibration import Calibration
from harness.report.error_overlap import ErrorOverlap, overlap_rows
from harness.report.findings import ArchitectureCost
from harness.report.formatting import MISSING, count, magnitude, percent, seconds, signed_points
from harness.report.tables.table import Table, make_table


def cost_table(costs: Sequence[ArchitectureCost]) -> Table:
    """Size, training time, latency and throughput of each architecture."""
    rows = [
        {
            "Architecture": cost.point.title,
            "Parameters": count(cost.point.parameters),
            "Multiply-adds": magnitude(cost.point.macs),
            "Weights (kB)": MISSING if cost.point.bytes is None else count(round(cost.point.bytes / 1000)),
            "Training (s)": seconds(cost.point.training_seconds),
            "To the best epoch (s)": seconds(cost.best_epoch_seconds),
            "Latency, batch 1 (ms)": spread(cost.measured.latency if cost.measured else None, 1000),
            "Images/s, batch 512": spread(cost.measured.throughput if cost.measured else None, 1),
        }
        for cost in costs
    ]
    if len({cost.point.device for cost in costs if cost.point.device}) > 1:
        rows = [row | {"Device": cost.point.device or MISSING} for row, cost in zip(rows, costs, strict=True)]
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


def calibration_table(calibrations: Mapping[str, Calibration], titles: Mapping[str, str]) -> Table | None:
    """How far the confidence of each first seed's model can be trusted; None without predictions."""
    rows = [
        {
            "Architecture": titles[name],
            "Expected calibration error (points)": percent(calibration.error),
            "Mean confidence − accuracy (points)": signed_points(calibration.excess),
        }
        for name, calibration in calibrations.items()
    ]
    return make_table(rows, {"Architecture"}) if rows else None


def overlap_table(overlap: ErrorOverlap, titles: Mapping[str, str]) -> Table:
    """What each architecture misses, alone and with others."""
    return make_table(overlap_rows(overlap, titles), {"Architecture", "Most alike"})


def label_errors_table(accuracies: Mapping[str, tuple[float, float]], titles: Mapping[str, str]) -> Table:
    """Mean test accuracy with and without the test images whose label is known to be wrong."""
    rows = [
        {
            "Architecture": titles[name],
            "All test images (%)": percent(everything),
            "Without wrong labels (%)": percent(sound),
            "Difference (points)": signed_points(sound - everything),
        }
        for name, (everything, sound) in accuracies.items()
    ]
    return make_table(rows, {"Architecture"})
