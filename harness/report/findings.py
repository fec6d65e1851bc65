"""All that the report says, as values: every number of the page is in here, and every figure is drawn from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.records.cost import Cost
from harness.records.trial import Status, TrialRecord
from harness.report.audit import Audit, audit_of
from harness.report.budget import BudgetCurve, budget_curve
from harness.report.calibration import Calibration, calibrate
from harness.report.cost import CostPoint
from harness.report.error_overlap import ErrorOverlap, error_overlap
from harness.report.label_errors import MNIST_TEST_LABELS, without_label_errors
from harness.report.ledger import LedgerEntry, correct_by_seed, ledger
from harness.report.spending import Spending, spending
from harness.report.summary import ArchitectureSummary, first_confirmed, ranking, summarise
from harness.report.time_use import TimeUse, time_use
from harness.runs.reading import RunData
from harness.statistics import Comparison, compare_all, letters, mean

POINT = 0.01  # a percentage point, as a fraction


@dataclass(frozen=True)
class ArchitectureCost:
    """What the selected configuration of an architecture costs.

    Attributes:
        point: accuracy and the medians of its costs.
        best_epoch_seconds: mean over the seeds of the training time up to the epoch of highest validation accuracy.
        measured: latency and throughput with their quartiles; None when there was no cost pass.
    """

    point: CostPoint
    best_epoch_seconds: float | None
    measured: Cost | None


@dataclass(frozen=True, eq=False)
class Findings:
    """What a run found.

    Attributes:
        summaries: of the architectures, in the order of the registry.
        rope: region of practical equivalence, as a fraction.
        comparisons: of every pair that has predictions on the same test images, in the order of the ranking.
        letters: architecture to its groups; those that share a letter are not told apart.
        ledger: of the selection.
        audit: of early stopping.
        spending: on each architecture.
        curves: expected best validation accuracy against the budget of the search.
        costs: of each architecture.
        calibrations: architecture to calibration of the first seed's model.
        overlap: of the mistakes; None without predictions.
        label_errors: architecture to mean test accuracy with and without the known wrong labels; None where none
            are known.
        time: where the time of the run went; None when no trial has both begun and ended.
    """

    summaries: tuple[ArchitectureSummary, ...]
    rope: float
    comparisons: tuple[Comparison, ...]
    letters: Mapping[str, str]
    ledger: tuple[LedgerEntry, ...]
    audit: Audit
    spending: tuple[Spending, ...]
    curves: tuple[BudgetCurve, ...]
    costs: tuple[ArchitectureCost, ...]
    calibrations: Mapping[str, Calibration]
    overlap: ErrorOverlap | None
    label_errors: Mapping[str, tuple[float, float]] | None
    time: TimeUse | None

    @property
    def titles(self) -> Mapping[str, str]:
        """Name of each architecture to how people write it."""
        return {summary.name: summary.title for summary in self.summaries}

    @property
    def order(self) -> tuple[str, ...]:
        """Names of the architectures that have a result, by mean test accuracy, highest first."""
        return tuple(summary.name for summary, _ in ranking(self.summaries))


def find(run: RunData) -> Findings:
    """Everything that the report says about a run."""
    summaries = summarise(run)
    study = run.study
    spent = spending(run.records, summaries)
    order = [summary.name for summary, _ in ranking(summaries)]
    correct = {name: correct_by_seed(run.predictions, name) for name in order}
    correct = {name: seeds for name, seeds in correct.items() if seeds}
    rope = study.rope * POINT
    comparisons = compare_all(correct, rope)
    return Findings(
        summaries=summaries,
        rope=rope,
        comparisons=comparisons,
        letters=letters(tuple(correct), comparisons),
        ledger=ledger(run.records, summaries, run.predictions, run.default_predictions, rope),
        audit=audit_of(run.records, summaries, study.early_stopping.grace_epochs, study.audit.trials),
        spending=spent,
        curves=_curves(summaries, spent),
        costs=tuple(_cost(summary, run.costs) for summary in summaries),
        calibrations=_calibrations(run, summaries),
        overlap=error_overlap(correct) if correct else None,
        label_errors=_label_errors(run, correct),
        time=time_use(run.records, run.environment.timeline, run.environment.slots),
    )


def _curves(summaries: Sequence[ArchitectureSummary], spent: Sequence[Spending]) -> tuple[BudgetCurve, ...]:
    curves = [
        budget_curve(one.name, one.title, one.full_trials, summary.search.trials, one.unaudited)
        for summary, one in zip(summaries, spent, strict=True)
    ]
    return tuple(curve for curve in curves if curve is not None)


def _cost(summary: ArchitectureSummary, costs: Sequence[Cost]) -> ArchitectureCost:
    measured = next((cost for cost in costs if cost.architecture == summary.name), None)
    test, model = summary.confirm.test, summary.model
    latency, throughput = (measured.latency, measured.throughput) if measured else (None, None)
    return ArchitectureCost(
        point=CostPoint(
            name=summary.name,
            title=summary.title,
            accuracy=test.mean if test else None,
            low=test.low if test else None,
            high=test.high if test else None,
            training_seconds=summary.confirm.train_seconds_mean,
            latency_ms=1000 * latency.median if latency else None,
            throughput=throughput.median if throughput else None,
            parameters=model.parameters if model else None,
            macs=model.macs if model else None,
            bytes=model.bytes if model else None,
            device=devices_of(summary.confirm.records),
        ),
        best_epoch_seconds=_best_epoch_seconds(summary),
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


def _calibrations(run: RunData, summaries: Sequence[ArchitectureSummary]) -> dict[str, Calibration]:
    calibrations = {}
    for summary in summaries:
        first = first_confirmed(summary.confirm)
        found = run.predictions.get((summary.name, first.spec.seed)) if first else None
        if found is not None and found.confidence is not None:
            calibrations[summary.name] = calibrate(found.confidence, found.correct)
    return calibrations


def _label_errors(
    run: RunData, correct: Mapping[str, Mapping[int, npt.NDArray[np.bool_]]]
) -> dict[str, tuple[float, float]] | None:
    if MNIST_TEST_LABELS not in run.environment.dataset.sha256.values() or not correct:
        return None
    labels = next(iter(run.predictions.values())).labels
    return without_label_errors(labels, correct)
