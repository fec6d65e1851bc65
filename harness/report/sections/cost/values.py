"""Costs of each architecture, and the Pareto front of accuracy and cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.records.cost import Cost
from harness.records.trial import Status
from harness.report.findings import Findings
from harness.report.page.formatting import listed
from harness.report.summary import ArchitectureSummary


@dataclass(frozen=True, eq=False)
class CostPoint:
    """Accuracy and costs of an architecture's selected configuration. Unknown values are None.

    Attributes:
        summary: Summary of the architecture, with accuracy, training time and size.
        measured: Latency and throughput with their quartiles. None if they were not measured.
    """

    summary: ArchitectureSummary
    measured: Cost | None

    @property
    def accuracy(self) -> float | None:
        """Mean test accuracy over the seeds, as a fraction."""
        return self.summary.confirm.test.mean if self.summary.confirm.test else None

    @property
    def latency_ms(self) -> float | None:
        """Median latency of one image, in milliseconds."""
        return 1000 * self.measured.latency.median if self.measured and self.measured.latency else None

    @property
    def best_epoch_seconds(self) -> float | None:
        """Mean training time up to the epoch with the highest validation accuracy, in seconds."""
        seconds = []
        for record in self.summary.confirm.records:
            if record.status is Status.COMPLETED:
                best = max(record.epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.epoch))
                seconds.append(sum(epoch.train_seconds for epoch in record.epochs[: best.epoch]))
        return fmean(seconds) if seconds else None

    @property
    def device(self) -> str:
        """Training device and CPU threads. Only times on the same device are compared."""
        placements = [record.placement for record in self.summary.confirm.records if record.placement]
        threads = {
            p.device: f", {p.threads} threads" if p.device == "cpu" and p.threads > 1 else "" for p in placements
        }
        return " and ".join(f"{device}{more}" for device, more in sorted(threads.items()))


def costs(findings: Findings) -> tuple[CostPoint, ...]:
    """Return the costs of each architecture, in the order of the summaries."""
    measured = {cost.architecture: cost for cost in reversed(findings.run.costs)}
    return tuple(CostPoint(summary, measured.get(summary.name)) for summary in findings.summaries)


@dataclass(frozen=True)
class Measure:
    """One kind of cost.

    Attributes:
        name: Name in a sentence.
        axis: Label of the axis.
        cost_of: Gets the cost of a point.
        timed: Whether the cost is a time, which can only be compared on one type of device.
    """

    name: str
    axis: str
    cost_of: Callable[[CostPoint], float | None]
    timed: bool = True


LATENCY = Measure("latency", "latency per image (ms)", lambda point: point.latency_ms)
TRAINING = Measure(
    "training time", "training time per model (s)", lambda point: point.summary.confirm.train_seconds_mean
)
MULTIPLY_ADDS = Measure(
    "multiply-adds",
    "multiply-adds per image",
    lambda point: point.summary.model.macs if point.summary.model else None,
    timed=False,
)


def dominators(points: Sequence[CostPoint], measure: Measure) -> dict[CostPoint, tuple[CostPoint, ...]]:
    """Map each point with this cost and an accuracy to the points of the front that dominate it.

    A point dominates another one if it costs no more and is no less accurate, and is better in one
    of the two. Points with equal cost and accuracy do not dominate each other. Neither do points
    whose times were measured on different devices. A point without a dominating point is on the
    front. The cheapest point comes first.
    """
    costs = [(measure.cost_of(point), point.accuracy, point) for point in points]
    known = [(cost, -accuracy, point) for cost, accuracy, point in costs if cost is not None and accuracy is not None]
    known.sort(key=lambda entry: entry[:2])
    better = {
        point: [
            other
            for its_cost, its_loss, other in known
            if its_cost <= cost
            and its_loss <= loss
            and (its_cost, its_loss) != (cost, loss)
            and (other.device == point.device or not measure.timed)
        ]
        for cost, loss, point in known
    }
    return {point: tuple(other for other in others if not better[other]) for point, others in better.items()}


def pareto_front(points: Sequence[CostPoint], measure: Measure) -> tuple[CostPoint, ...]:
    """Return the points on the front, cheapest first."""
    return tuple(point for point, by in dominators(points, measure).items() if not by)


def cost_sentence(points: Sequence[CostPoint]) -> str:
    """Describe the Pareto fronts of accuracy with latency and with training time.

    The text is empty if fewer than two architectures have both an accuracy and one of these costs.
    """
    found = {measure.name: dominators(points, measure) for measure in (LATENCY, TRAINING)}
    return " ".join(_front_sentence(name, dominated) for name, dominated in found.items() if len(dominated) > 1)


def _front_sentence(cost: str, dominated: Mapping[CostPoint, tuple[CostPoint, ...]]) -> str:
    by_dominators: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for point, by in dominated.items():
        by_dominators[tuple(better.summary.title for better in by)].append(point.summary.title)
    front = by_dominators.pop(())
    if not by_dominators:
        return f"For accuracy and {cost}, all architectures are on the Pareto front."
    sentences = [
        f" {listed(names)} {'is' if len(names) == 1 else 'are'} dominated by {listed(by)}."
        for by, names in by_dominators.items()
    ]
    is_or_are = "is" if len(front) == 1 else "are"
    return f"For accuracy and {cost}, {listed(front)} {is_or_are} on the Pareto front.{''.join(sentences)}"


def unmeasured_sentence(points: Iterable[CostPoint]) -> str:
    """Name the models that could not be measured, with the reasons. Empty if all were measured."""
    return " ".join(
        f"{point.summary.title} could not be measured: {point.measured.reason}."
        for point in points
        if point.measured is not None and point.measured.reason is not None
    )
