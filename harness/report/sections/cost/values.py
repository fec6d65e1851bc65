"""Accuracy against what it costs: which architectures are worth their cost, and which are outdone on both counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.records.cost import Cost
from harness.records.trial import Status, TrialRecord
from harness.report.findings import Findings
from harness.report.page.formatting import listed
from harness.report.summary import ArchitectureSummary
from harness.statistics import mean


@dataclass(frozen=True)
class CostPoint:
    """What the selected configuration of an architecture reaches and costs; what is not known is None.

    Attributes:
        name: of the architecture.
        title: of the architecture.
        accuracy: mean test accuracy over the seeds, as a fraction.
        low: lower end of its 95 % interval.
        high: upper end of its 95 % interval.
        training_seconds: mean over the seeds, training alone.
        best_epoch_seconds: the same up to the epoch of highest validation accuracy.
        latency_ms: median of one image at a time, in milliseconds.
        parameters: of the model.
        macs: multiply-adds of one image.
        bytes: of the parameters and buffers.
        device: that it was trained and measured on; seconds on unlike devices are never compared.
        measured: latency and throughput with their quartiles; None when there was no cost pass.
    """

    name: str
    title: str
    accuracy: float | None
    low: float | None = None
    high: float | None = None
    training_seconds: float | None = None
    best_epoch_seconds: float | None = None
    latency_ms: float | None = None
    parameters: int | None = None
    macs: int | None = None
    bytes: int | None = None
    device: str = ""
    measured: Cost | None = None


def costs(findings: Findings) -> tuple[CostPoint, ...]:
    """What each architecture costs, in the order of the summaries."""
    measured = {cost.architecture: cost for cost in reversed(findings.run.costs)}
    return tuple(_cost(summary, measured.get(summary.name)) for summary in findings.summaries)


def _cost(summary: ArchitectureSummary, measured: Cost | None) -> CostPoint:
    test, model = summary.confirm.test, summary.model
    latency = measured.latency if measured else None
    return CostPoint(
        name=summary.name,
        title=summary.title,
        accuracy=test.mean if test else None,
        low=test.low if test else None,
        high=test.high if test else None,
        training_seconds=summary.confirm.train_seconds_mean,
        best_epoch_seconds=_best_epoch_seconds(summary),
        latency_ms=1000 * latency.median if latency else None,
        parameters=model.parameters if model else None,
        macs=model.macs if model else None,
        bytes=model.bytes if model else None,
        device=devices_of(summary.confirm.records),
        measured=measured,
    )


def devices_of(records: Iterable[TrialRecord]) -> str:
    """What trials ran on, for people: the kinds of device, with the threads of a CPU."""
    placements = [record.placement for record in records if record.placement]
    threads = {p.device: f", {p.threads} threads" if p.device == "cpu" and p.threads > 1 else "" for p in placements}
    return " and ".join(f"{device}{more}" for device, more in sorted(threads.items()))


def _best_epoch_seconds(summary: ArchitectureSummary) -> float | None:
    seconds = []
    for record in summary.confirm.records:
        if record.status is Status.COMPLETED:
            best = max(record.epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.epoch))
            seconds.append(sum(epoch.train_seconds for epoch in record.epochs[: best.epoch]))
    return mean(seconds) if seconds else None


CostOf = Callable[[CostPoint], float | None]


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
    cost_of: CostOf
    timed: bool = True


LATENCY = Measure("latency", "latency of one image (ms)", lambda point: point.latency_ms)
TRAINING = Measure("training time", "training of one model (s)", lambda point: point.training_seconds)
MULTIPLY_ADDS = Measure("multiply-adds", "multiply-adds of one image", lambda point: point.macs, timed=False)


def pareto_front(points: Sequence[CostPoint], measure: Measure) -> tuple[CostPoint, ...]:
    """Points that no other dominates, cheapest first; those without cost or accuracy are left out.

    One point dominates another when it costs no more and is no less accurate, and one of the two is better. Two
    points of the same cost and the same accuracy do not dominate each other, so both stay; neither do two whose
    seconds were taken on unlike devices.
    """
    comparable = _comparable(points, measure)
    return tuple(entry[0] for entry in comparable if not _better_ones(comparable, entry, measure))


def dominators(points: Sequence[CostPoint], measure: Measure) -> Mapping[str, tuple[CostPoint, ...]]:
    """Names of the dominated points, cheapest first, with the points of the front that dominate each."""
    comparable = _comparable(points, measure)
    front = pareto_front(points, measure)
    found = {entry[0].name: _better_ones(comparable, entry, measure) for entry in comparable}
    return {name: tuple(point for point in better if point in front) for name, better in found.items() if better}


Comparable = tuple[CostPoint, float, float]


def _comparable(points: Sequence[CostPoint], measure: Measure) -> list[Comparable]:
    costs = [(point, measure.cost_of(point), point.accuracy) for point in points]
    known = [(point, cost, accuracy) for point, cost, accuracy in costs if cost is not None and accuracy is not None]
    return sorted(known, key=lambda entry: (entry[1], -entry[2]))


def _better_ones(comparable: Sequence[Comparable], than: Comparable, measure: Measure) -> tuple[CostPoint, ...]:
    point, cost, accuracy = than
    return tuple(
        other
        for other, its_cost, its_accuracy in comparable
        if its_cost <= cost
        and its_accuracy >= accuracy
        and (its_cost, its_accuracy) != (cost, accuracy)
        and (other.device == point.device or not measure.timed)
    )


def cost_sentence(points: Sequence[CostPoint]) -> str:
    """Who is on the front of accuracy against latency and against training time, and who is dominated by whom.

    Empty when fewer than two architectures have both an accuracy and one of these costs.
    """
    return " ".join(
        _front_sentence(points, measure) for measure in (LATENCY, TRAINING) if len(_comparable(points, measure)) > 1
    )


def _front_sentence(points: Sequence[CostPoint], measure: Measure) -> str:
    against = f"Of accuracy against {measure.name}"
    titles = {point.name: point.title for point in points}
    dominated: dict[tuple[CostPoint, ...], list[str]] = defaultdict(list)
    for name, by in dominators(points, measure).items():
        dominated[by].append(titles[name])
    if not dominated:
        return f"{against}, no architecture dominates another: all are on the front."
    front = [point.title for point in pareto_front(points, measure)]
    clauses = [
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} dominated by {listed([point.title for point in by])}"
        for by, names in dominated.items()
    ]
    return f"{against}, {listed(front)} {'is' if len(front) == 1 else 'are'} on the front; {'; '.join(clauses)}."


def unmeasured_sentence(points: Iterable[CostPoint]) -> str:
    """Which models the cost pass could not measure, and why; empty when it measured all."""
    return " ".join(
        f"{point.title} could not be measured: {point.measured.reason}."
        for point in points
        if point.measured is not None and point.measured.reason is not None
    )
