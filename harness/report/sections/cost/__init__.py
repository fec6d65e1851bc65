"""Section "Cost": size, training time, latency and throughput of each architecture."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records.cost import Quartiles
from harness.report.findings import Findings
from harness.report.page.formatting import MISSING, count, magnitude, seconds, significant
from harness.report.page.table import Table, make_table
from harness.report.section import ArchitectureKeys, Figures, Keys, Section
from harness.report.sections.cost.figure import cost_figure_values, draw_cost
from harness.report.sections.cost.values import CostPoint, cost_sentence, costs, unmeasured_sentence


def cost_table(points: Sequence[CostPoint]) -> Table:
    """Create the table of size, training time, latency and throughput."""
    rows = [
        {
            "Architecture": point.summary.title,
            "Parameters": count(model.parameters if model else None),
            "Multiply-adds": magnitude(model.macs if model else None),
            "Weights (kB)": count(round(model.bytes / 1000) if model else None),
            "Training time (s)": seconds(point.summary.confirm.train_seconds_mean),
            "Time to the best epoch (s)": seconds(point.best_epoch_seconds),
            "Latency, batch 1 (ms)": spread(point.measured.latency if point.measured else None, 1000),
            "Throughput, batch 512 (images/s)": spread(point.measured.throughput if point.measured else None, 1),
        }
        for point in points
        for model in [point.summary.model]
    ]
    if len({point.device for point in points if point.device}) > 1:
        rows = [row | {"Device": point.device or MISSING} for row, point in zip(rows, points, strict=True)]
    return make_table(rows, {"Architecture", "Device"})


def spread(quartiles: Quartiles | None, scale: float) -> str:
    """Format median and quartiles with three significant digits.

    >>> spread(Quartiles(low=0.0009, median=0.001, high=0.0012), 1000)
    '1.00 (0.900–1.20)'
    """
    if quartiles is None:
        return MISSING
    low, median, high = (significant(scale * value) for value in (quartiles.low, quartiles.median, quartiles.high))
    return f"{median} ({low}–{high})"


def _context(findings: Findings) -> Keys:
    points = findings.of(costs)
    places = {point.measured.placement for point in points if point.measured and point.measured.placement}
    return {
        "costs": cost_table(points),
        "measured_on": sorted(places, key=lambda place: place.node),
        "unmeasured": unmeasured_sentence(points),
        "cost_sentence": cost_sentence(points),
    }


def _figures(findings: Findings) -> Figures:
    names = [summary.name for summary in findings.summaries]
    panels = cost_figure_values(findings.of(costs), names, findings.run.environment.dataset.test)
    return {"cost": draw_cost(panels) if panels else None}


def _architecture_results(findings: Findings) -> ArchitectureKeys:
    return {point.summary.name: {"cost": _result(point)} for point in findings.of(costs)}


def _result(point: CostPoint) -> Keys:
    measured = point.measured.model_dump(mode="json", exclude={"architecture"}) if point.measured else {}
    return {
        "train_seconds": point.summary.confirm.train_seconds_mean,
        "train_seconds_to_best_epoch": point.best_epoch_seconds,
        "latency_seconds": measured.get("latency"),
        "images_per_second": measured.get("throughput"),
        "measured_on": measured.get("placement"),
        "reason": measured.get("reason"),
    }


SECTION = Section(__name__, _context, _figures, architecture_results=_architecture_results)
