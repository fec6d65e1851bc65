"""What each architecture costs: size, training time, latency; and which are worth it."""

from __future__ import annotations

from harness.report.findings import Findings
from harness.report.section import ArchitectureKeys, Figures, Keys, Section
from harness.report.sections.cost.figure import cost_figure_values, draw_cost
from harness.report.sections.cost.table import cost_table
from harness.report.sections.cost.values import CostPoint, cost_sentence, costs, unmeasured_sentence


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
    return {point.name: {"cost": _result(point)} for point in findings.of(costs)}


def _result(point: CostPoint) -> Keys:
    measured = point.measured.model_dump(mode="json", exclude={"architecture"}) if point.measured else {}
    return {
        "train_seconds": point.training_seconds,
        "train_seconds_to_best_epoch": point.best_epoch_seconds,
        "latency_seconds": measured.get("latency"),
        "images_per_second": measured.get("throughput"),
        "measured_on": measured.get("placement"),
        "reason": measured.get("reason"),
    }


SECTION = Section(__name__, _context, _figures, architecture_results=_architecture_results)
