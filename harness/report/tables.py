"""The tables of the report as values: cells are text for a reader, not yet Markdown or HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from harness.report.classification import Classification
from harness.report.environment import Environment
from harness.report.formatting import (
    MISSING,
    assignments,
    count,
    magnitude,
    percent,
    percent_range,
    seconds,
    share,
    signed_points,
)
from harness.report.summary import ArchitectureSummary, TimeUse, ranking
from harness.statistics import AccuracyEstimate

FAILURES_SHOWN = 10


@dataclass(frozen=True, eq=False)
class Table:
    """A table for a reader.

    Attributes:
        frame: text in every cell; its columns are the header.
        text_columns: columns that are read as words, not compared as numbers.
    """

    frame: pd.DataFrame
    text_columns: frozenset[str]


def _table(rows: Sequence[Mapping[str, str]], text_columns: Iterable[str]) -> Table:
    return Table(pd.DataFrame(rows), frozenset(text_columns))


def accuracy_table(summaries: Sequence[ArchitectureSummary]) -> Table:
    """Architectures by mean test accuracy, highest first; those without a result come last."""
    ranked = ranking(summaries)
    with_baseline = any(summary.baseline_accuracy is not None for summary in summaries)
    rows = [_accuracy_row(summary, estimate, with_baseline) for summary, estimate in ranked]
    rows += [_missing_row(summary, rows) for summary in summaries if summary.no_result is not None]
    return _table(rows, {"Architecture"})


def _accuracy_row(summary: ArchitectureSummary, estimate: AccuracyEstimate, with_baseline: bool) -> dict[str, str]:
    spread = "" if estimate.std is None else f" ± {percent(estimate.std)}"
    row = {
        "Architecture": summary.title,
        "Test accuracy (%)": percent(estimate.mean) + spread,
        "95 % interval": percent_range(estimate.low, estimate.high),
        "n": str(estimate.n),
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
        {"Architecture": summary.title, "Best hyperparameters": assignments(summary.short_hyperparameters)}
        for summary, _ in ranking(summaries)
    ]
    rows += [
        {"Architecture": summary.title, "Best hyperparameters": _no_result(summary)}
        for summary in summaries
        if summary.no_result is not None
    ]
    return _table(rows, {"Architecture", "Best hyperparameters"})


def _no_result(summary: ArchitectureSummary) -> str:
    selected = f"; selected: {assignments(summary.short_hyperparameters)}" if summary.winner else ""
    return f"no result: {summary.no_result}{selected}"


def class_table(classification: Classification, classes: Sequence[str]) -> Table:
    """Precision, recall and F1 of each class, in percent."""
    columns = (classification.precision, classification.recall, classification.f1, classification.support)
    rows = [
        {
            "Class": name,
            "Precision (%)": percent(precision),
            "Recall (%)": percent(recall),
            "F1 (%)": percent(f1),
            "Test images": count(int(support)),
        }
        for name, precision, recall, f1, support in zip(classes, *columns, strict=True)
    ]
    return _table(rows, {"Class"})


def architecture_table(summaries: Sequence[ArchitectureSummary]) -> Table:
    """What each architecture is."""
    rows = [
        {
            "Architecture": summary.title,
            "Name": summary.name,
            "What it is": summary.architecture.summary,
            "Search trials": count(summary.search.planned),
        }
        for summary in summaries
    ]
    return _table(rows, {"Architecture", "Name", "What it is"})


def trials_table(summaries: Sequence[ArchitectureSummary]) -> Table:
    """How the search trials ended, and what early stopping saved."""
    rows = [
        {
            "Architecture": summary.title,
            "Completed": count(search.completed),
            "Stopped early": count(search.stopped_early),
            "Failed": count(search.failed),
            "Epochs trained": count(search.epochs),
            "Full budget": count(search.epoch_budget),
            "Saved by ASHA": count(search.epochs_saved),
            "Share saved": share(search.epochs_saved, search.epoch_budget),
            "Training (s)": seconds(search.train_seconds),
        }
        for summary in summaries
        for search in (summary.search,)
    ]
    return _table(rows, {"Architecture"})


def failures_table(summaries: Sequence[ArchitectureSummary]) -> Table | None:
    """Failed trials by reason, the most frequent of each architecture; None when nothing failed."""
    rows = []
    for summary in summaries:
        rows += [
            {
                "Architecture": summary.title,
                "Phase": failure.phase.value,
                "Trials": count(failure.trials),
                "Reason": failure.reason,
                "For instance": failure.example,
            }
            for failure in summary.failures[:FAILURES_SHOWN]
        ]
        others = sum(failure.trials for failure in summary.failures[FAILURES_SHOWN:])
        if others:
            rest = {"Trials": count(others), "Reason": "other reasons, listed in trials.csv"}
            rows.append({"Architecture": summary.title, "Phase": MISSING, "For instance": MISSING} | rest)
    return _table(rows, {"Architecture", "Phase", "Reason", "For instance"}) if rows else None


def selection_table(summaries: Sequence[ArchitectureSummary]) -> Table | None:
    """The winners' validation accuracy in search and in confirm; None when nothing was selected."""
    rows = [
        {
            "Architecture": summary.title,
            "Configurations tried": count(summary.search.trials),
            "Winning trial": summary.winner.trial_id,
            "Validation in search (%)": percent(found),
            "Validation in confirm (%)": percent(again),
            "Difference (points)": signed_points(None if again is None or found is None else again - found),
        }
        for summary in summaries
        if summary.winner is not None
        for found, again in [
            (summary.search.best_validation_accuracy, summary.confirm.validation_accuracy_mean),
        ]
    ]
    return _table(rows, {"Architecture", "Winning trial"}) if rows else None


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
    return _table(rows, {"Architecture", "Status"}) if rows else None


def time_table(use: TimeUse) -> Table:
    """Slot-seconds by what they were spent on."""
    spent = {
        "Training, search": use.search_training,
        "Training, confirm": use.confirm_training,
        "Training, audit": use.audit_training,
        "Validation": use.validation,
        "Test passes, starting trials, idle": use.rest,
        "All": use.available,
    }
    rows = [
        {"Spent on": name, "Slot-seconds": seconds(value), "Share": share(value, use.available)}
        for name, value in spent.items()
    ]
    return _table(rows, {"Spent on"})


def machine_table(environment: Environment) -> Table:
    """What the run ran on, and when."""
    hardware = environment.hardware
    facts = {
        "Started": environment.started_at,
        "Commit": _commit(environment),
        "System": hardware.system,
        "Processor": f"{hardware.cpu}, {hardware.cores} cores, {hardware.memory_gib:.1f} GiB of memory",
        "GPUs": ", ".join(hardware.gpus) or "none",
        "Trials at once": str(environment.slots),
        "Device of a trial": ", ".join(environment.devices) or "not known",
        "Threads of a trial": ", ".join(map(str, environment.threads)) or "not known",
        "Precision": ", ".join(environment.precision) or "not known",
    }
    facts |= {f"Version of {package}": version for package, version in environment.versions.items()}
    return _table([{"What": name, "Value": value} for name, value in facts.items()], {"What", "Value"})


def _commit(environment: Environment) -> str:
    if environment.commit is None:
        return "not known"
    return environment.commit + (", with changes that are not committed" if environment.dirty else "")


def checksums_table(environment: Environment) -> Table | None:
    """Files of the data set with their SHA-256; None when the data set has none."""
    rows = [{"File": name, "SHA-256": digest} for name, digest in environment.dataset.sha256.items()]
    return _table(rows, {"File", "SHA-256"}) if rows else None
