"""Accuracy against what it costs: which architectures are worth their cost, and which are outdone on both counts."""

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
    """What the selected configuration of an architecture reaches and costs; what is not known is None.

    Attributes:
        summary: of the architecture: its accuracy, its training time and its size.
        measured: latency and throughput with their quartiles; None when there was no cost pass.
    """

    summary: ArchitectureSummary
    measured: Cost | None

    @property
    def accuracy(self) -> float | None:
        """Mean test accuracy over the seeds, as a fraction."""
        return self.summary.confirm.test.mean if self.summary.confirm.test else None

    @property
    def latency_ms(self) -> float | None:
        """Median of one image at a time, in milliseconds."""
        return 1000 * self.measured.latency.median if self.measured and self.measured.latency else None

    @property
    def best_epoch_seconds(self) -> float | None:
        """Training time up to the epoch of highest validation accuracy, mean over the seeds."""
        seconds = []
        for record in self.summary.confirm.records:
            if record.status is Status.COMPLETED:
                best = max(record.epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.epoch))
                seconds.append(sum(epoch.train_seconds for epoch in record.epochs[: best.epoch]))
        return fmean(seconds) if seconds else None

    @property
    def device(self) -> str:
        """What it was trained on, with the threads of a CPU; seconds on unlike devices are never compared."""
        placements = [record.placement for record in self.summary.confirm.records if record.placement]
        threads = {
            p.device: f", {p.threads} threads" if p.device == "cpu" and p.threads > 1 else "" for p in placements
        }
        return " and ".join(f"{device}{more}" for device, more in sorted(threads.items()))


def costs(findings: Findings) -> tuple[CostPoint, ...]:
    """What each architecture costs, in the order of the summaries."""
    measured = {cost.architecture: cost for cost in reversed(findings.run.costs)}
    return tuple(CostPoint(summary, measured.get(summary.name)) for summary in findings.summaries)


@dataclass(frozen=True)
class Measure:
    """One kind of cost.

    Attributes:
        name: what it is called in a sentence.
        axis: how it reads on an axis.
        cost_of: where it stands in a point.
        timed: whether it is seconds, which mean something on one device only.
    """

    name: str
    axis: str
    cost_of: Callable[[CostPoint], float | None]
    timed: bool = True


LATENCY = Measure("latency", "latency of one image (ms)", lambda point: point.latency_ms)
TRAINING = Measure("training time", "training of one model (s)", lambda point: point.summary.confirm.train_seconds_mean)
MULTIPLY_ADDS = Measure(
    "multiply-adds",
    "multiply-adds of one image",
    lambda point: point.summary.model.macs if point.summary.model else None,
    timed=False,
)


def dominators(points: Sequence[CostPoint], measure: Measure) -> dict[CostPoint, tuple[CostPoint, ...]]:
    """Points that have this cost and an accuracy, cheapest first, with the points of the front that dominate each.

    One point dominates another when it costs no more and is no less accurate, and one of the two is better. Two
    points of the same cost and the same accuracy do not dominate each other; neither do two whose seconds were taken
    on unlike devices. A point that none dominates is on the front.
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
    """Points that no other dominates, cheapest first; those without cost or accuracy are left out."""
    return tuple(point for point, by in dominators(points, measure).items() if not by)


def cost_sentence(points: Sequence[CostPoint]) -> str:
    """Who is on the front of accuracy against latency and against training time, and who is dominated by whom.

    Empty when fewer than two architectures have both an accuracy and one of these costs.
    """
    found = {measure.name: dominators(points, measure) for measure in (LATENCY, TRAINING)}
    return " ".join(_front_sentence(name, dominated) for name, dominated in found.items() if len(dominated) > 1)


def _front_sentence(cost: str, dominated: Mapping[CostPoint, tuple[CostPoint, ...]]) -> str:
    by_dominators: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for point, by in dominated.items():
        by_dominators[tuple(better.summary.title for better in by)].append(point.summary.title)
    front = by_dominators.pop(())
    if not by_dominators:
        return f"Of accuracy against {cost}, no architecture dominates another: all are on the front."
    clauses = [
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} dominated by {listed(by)}"
        for by, names in by_dominators.items()
    ]
    is_or_are = "is" if len(front) == 1 else "are"
    return f"Of accuracy against {cost}, {listed(front)} {is_or_are} on the front; {'; '.join(clauses)}."


def unmeasured_sentence(points: Iterable[CostPoint]) -> str:
    """Which models the cost pass could not measure, and why; empty when it measured all."""
    return " ".join(
        f"{point.summary.title} could not be measured: {point.measured.reason}."
        for point in points
        if point.measured is not None and point.measured.reason is not None
    )
