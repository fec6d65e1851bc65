"""Tables of test accuracy: by architecture, by seed, by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.report.classification import READABLE_CLASSES, SHOWN_CLASSES, Classification
from harness.report.formatting import (
    MISSING,
    assignments,
    count,
    magnitude,
    percent,
    percent_range,
    scalar,
    seconds,
)
from harness.report.summary import ArchitectureSummary, ranking
from harness.report.tables.table import Table, make_table
from harness.statistics import AccuracyEstimate


def accuracy_table(
    summaries: Sequence[ArchitectureSummary], letters: Mapping[str, str], unbalanced: bool = False
) -> Table:
    """Architectures by mean test accuracy, highest first; those without a result come last.

    Args:
        summaries: of all architectures.
        letters: architecture to its groups, where it has any.
        unbalanced: whether to show the accuracy in which every class counts alike besides.
    """
    ranked = ranking(summaries)
    with_baseline = any(summary.baseline_accuracy is not None for summary in summaries)
    rows = [
        _accuracy_row(summary, estimate, letters.get(summary.name, MISSING), with_baseline, unbalanced)
        for summary, estimate in ranked
    ]
    rows += [_missing_row(summary, rows) for summary in summaries if summary.no_result is not None]
    return make_table(rows, {"Architecture", "Group"})


def _accuracy_row(
    summary: ArchitectureSummary, estimate: AccuracyEstimate, group: str, with_baseline: bool, unbalanced: bool
) -> dict[str, str]:
    spread = "" if estimate.std is None else f" ± {percent(estimate.std)}"
    row = {
        "Architecture": summary.title,
        "Test accuracy (%)": percent(estimate.mean) + spread,
        "95 % interval": percent_range(estimate.low, estimate.high),
        "Group": group,
        "n": str(estimate.n),
        **({"Balanced (%)": percent(summary.balanced_accuracy)} if unbalanced else {}),
        "Validation (%)": percent(summary.confirm.validation_accuracy_mean),
        "Parameters": count(summary.model.parameters if summary.model else None),
        "Multiply-adds": magnitude(summary.model.macs if summary.model else None),
        "Training (s)": seconds(summary.confirm.train_seconds_mean),
    }
    if with_baseline:
        row["Earlier (%)"] = percent(summary.baseline_accuracy)
    return row


def _missing_row(summary: ArchitectureSummary, rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    row = {"Architecture": summary.title, "Test accuracy (%)": "no result"}
    return {column: row.get(column, MISSING) for column in (rows[0] if rows else row)}


def hyperparameters_table(summaries: Sequence[ArchitectureSummary]) -> Table:
    """The selected hyperparameters in short, in the accuracy table's order; or why there is no result."""
    rows = [
        {"Architecture": summary.title, "Best hyperparameters": _selected(summary)} for summary, _ in ranking(summaries)
    ]
    rows += [
        {"Architecture": summary.title, "Best hyperparameters": _no_result(summary)}
        for summary in summaries
        if summary.no_result is not None
    ]
    return make_table(rows, {"Architecture", "Best hyperparameters"})


def _selected(summary: ArchitectureSummary) -> str:
    default = " (the default configuration)" if summary.default_selected else ""
    return assignments(summary.short_hyperparameters) + default


def all_hyperparameters_table(summaries: Sequence[ArchitectureSummary]) -> Table | None:
    """Every selected hyperparameter, a column for each architecture; None when nothing was selected."""
    selected = {summary.title: summary.winner.spec.hyperparameters for summary in summaries if summary.winner}
    names = dict.fromkeys(
        name for summary in summaries for name in summary.architecture.hyperparameters.model_fields if summary.winner
    )
    rows = [
        {"Hyperparameter": name}
        | {title: scalar(values[name]) if name in values else MISSING for title, values in selected.items()}
        for name in names
    ]
    return make_table(rows, {"Hyperparameter"}) if rows else None


def _no_result(summary: ArchitectureSummary) -> str:
    selected = f"; selected: {assignments(summary.short_hyperparameters)}" if summary.winner else ""
    return f"no result: {summary.no_result}{selected}"


def seeds_table(summaries: Sequence[ArchitectureSummary]) -> Table | None:
    """Every confirm trial on its own; None before the confirm phase."""
    rows = [
        {
            "Architecture": summary.title,
            "Seed": str(record.spec.seed),
            "Status": record.status.value.replace("_", " "),
            "Validation accuracy (%)": percent(last.validation_accuracy if last else None),
            "Test accuracy (%)": percent(record.test.accuracy if record.test else None),
            "Epochs": str(len(record.epochs)),
            "Training (s)": seconds(record.train_seconds),
        }
        for summary in summaries
        for record in summary.confirm.records
        for last in [record.last_epoch]
    ]
    return make_table(rows, {"Architecture", "Status"}) if rows else None


def class_table(classification: Classification, classes: Sequence[str]) -> Table:
    """Precision, recall and F1 of each class, in percent; of many classes, those of lowest F1, the worst first."""
    order = list(range(len(classes)))
    if len(classes) > READABLE_CLASSES:
        order = np.argsort(np.nan_to_num(classification.f1, nan=-1.0), kind="stable")[:SHOWN_CLASSES].tolist()
    rows = [
        {
            "Class": classes[index],
            "Precision (%)": percent(float(classification.precision[index])),
            "Recall (%)": percent(float(classification.recall[index])),
            "F1 (%)": percent(float(classification.f1[index])),
            "Test images": count(int(classification.support[index])),
        }
        for index in order
    ]
    return make_table(rows, {"Class"})
