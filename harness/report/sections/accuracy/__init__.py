"""Section "Accuracy": test accuracies with intervals, and the selected hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.report.findings import Findings
from harness.report.page.formatting import (
    MISSING,
    assignments,
    count,
    magnitude,
    percent,
    percent_range,
    scalar,
    seconds,
)
from harness.report.page.table import Table, make_table
from harness.report.section import Figures, Keys, Section
from harness.report.sections.accuracy.figure import draw_accuracy, ranked_accuracies
from harness.report.sections.selection import ledger
from harness.report.sections.verdicts import groups
from harness.report.summary import ArchitectureSummary, ranking
from harness.statistics.estimates import AccuracyEstimate, IntervalMethod


def accuracy_table(
    summaries: Sequence[ArchitectureSummary], letters: Mapping[str, str], unbalanced: bool = False
) -> Table:
    """Create the accuracy table, sorted by mean test accuracy, with missing results last.

    Args:
        summaries: Summaries of all architectures.
        letters: Letters of each architecture that has any.
        unbalanced: Whether to show the balanced accuracy too.
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
        "Seeds": str(estimate.n),
        **({"Balanced (%)": percent(summary.balanced_accuracy)} if unbalanced else {}),
        "Validation accuracy (%)": percent(summary.confirm.validation_accuracy_mean),
        "Parameters": count(summary.model.parameters if summary.model else None),
        "Multiply-adds": magnitude(summary.model.macs if summary.model else None),
        "Training time (s)": seconds(summary.confirm.train_seconds_mean),
    }
    if with_baseline:
        row["Predecessor (%)"] = percent(summary.baseline_accuracy)
    return row


def _missing_row(summary: ArchitectureSummary, rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    row = {"Architecture": summary.title, "Test accuracy (%)": "no result"}
    return {column: row.get(column, MISSING) for column in (rows[0] if rows else row)}


def hyperparameters_table(summaries: Sequence[ArchitectureSummary]) -> Table:
    """Create the table of selected hyperparameters, in the order of the accuracy table."""
    rows = [(summary.title, _selected(summary)) for summary, _ in ranking(summaries)]
    rows += [(summary.title, _no_result(summary)) for summary in summaries if summary.no_result is not None]
    columns = ("Architecture", "Selected hyperparameters")
    return make_table([dict(zip(columns, row, strict=True)) for row in rows], columns)


def _selected(summary: ArchitectureSummary) -> str:
    default = " (the default configuration)" if summary.default_selected else ""
    return assignments(summary.short_hyperparameters) + default


def all_hyperparameters_table(summaries: Sequence[ArchitectureSummary]) -> Table:
    """Create the table of all selected hyperparameters, with a column for each architecture."""
    selected = {summary.title: summary.winner.spec.hyperparameters for summary in summaries if summary.winner}
    names = dict.fromkeys(
        name for summary in summaries for name in summary.architecture.hyperparameters.model_fields if summary.winner
    )
    rows = [
        {"Hyperparameter": name}
        | {title: scalar(values[name]) if name in values else MISSING for title, values in selected.items()}
        for name in names
    ]
    return make_table(rows, {"Hyperparameter"})


def _no_result(summary: ArchitectureSummary) -> str:
    selected = f"; selected: {assignments(summary.short_hyperparameters)}" if summary.winner else ""
    return f"no result: {summary.no_result}{selected}"


def seeds_table(summaries: Sequence[ArchitectureSummary]) -> Table:
    """Create the table of all confirm trials. It is empty before the confirm phase."""
    rows = [
        {
            "Architecture": summary.title,
            "Seed": str(record.spec.seed),
            "Status": record.status.value.replace("_", " "),
            "Validation accuracy (%)": percent(last.validation_accuracy if last else None),
            "Test accuracy (%)": percent(record.test.accuracy if record.test else None),
            "Epochs": str(len(record.epochs)),
            "Training time (s)": seconds(record.train_seconds),
        }
        for summary in summaries
        for record in summary.confirm.records
        for last in [record.last_epoch]
    ]
    return make_table(rows, {"Architecture", "Status"})


def interval_sentence(summaries: Sequence[ArchitectureSummary]) -> str:
    """Describe how the intervals of the accuracy table are computed."""
    methods = {estimate.method for _, estimate in ranking(summaries)}
    parts = {
        IntervalMethod.STUDENT_T: (
            "With several seeds, the 95 % interval is Student's t interval of the mean. It covers the variation "
            "between seeds, but not the variation between test images."
        ),
        IntervalMethod.WILSON: (
            "With a single seed, the 95 % interval is Wilson's interval over the test images. It covers the variation "
            "between test images, but not the variation between seeds."
        ),
    }
    return " ".join(text for method, text in parts.items() if method in methods)


def _context(findings: Findings) -> Keys:
    summaries, dataset = findings.summaries, findings.run.environment.dataset
    return {
        "accuracy": accuracy_table(summaries, findings.of(groups), dataset.unbalanced),
        "interval": interval_sentence(summaries),
        "hyperparameters": hyperparameters_table(summaries),
        "all_hyperparameters": all_hyperparameters_table(summaries),
        "seed_results": seeds_table(summaries),
        "defaults_shown": any(entry.tuning for entry in findings.of(ledger)),
    }


def _figures(findings: Findings) -> Figures:
    ranked = ranked_accuracies(findings.summaries, findings.of(groups))
    return {"accuracy": draw_accuracy(ranked, findings.run.environment.dataset.test) if ranked else None}


SECTION = Section(__name__, _context, _figures)
