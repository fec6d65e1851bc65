"""Tables of the selection: from how many configurations it was made, and what tuning gained."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.page.formatting import MISSING, count, percent, signed_points, signed_range
from harness.report.page.table import Table, make_table
from harness.report.sections.selection.values import LedgerEntry


def ledger_table(entries: Sequence[LedgerEntry]) -> Table:
    """From how many configurations each winner was chosen, and what its accuracy became without the choice."""
    rows = [
        {
            "Architecture": entry.summary.title,
            "Configurations compared": count(entry.summary.search.trials),
            "Finished": count(entry.summary.search.completed),
            "Winner, in search (%)": percent(entry.found),
            "Winner, in confirm (%)": percent(entry.again),
            "Difference (points)": signed_points(entry.curse),
            "Test set opened": count(entry.openings),
        }
        for entry in entries
    ]
    return make_table(rows, {"Architecture"})


def tuning_table(entries: Sequence[LedgerEntry]) -> Table:
    """What tuning gained on the test images; empty when no default configuration was confirmed beside another."""
    rows = [_tuning_row(entry) for entry in entries] if any(entry.tuning for entry in entries) else []
    return make_table(rows, {"Architecture", "Verdict"})


def _tuning_row(entry: LedgerEntry) -> dict[str, str]:
    default = entry.summary.default.test
    row = dict.fromkeys(("Tuned (%)", "Default (%)", "Tuned − default (points)", "95 % interval", "Seeds"), MISSING)
    row = {"Architecture": entry.summary.title} | row
    if entry.summary.default_selected:
        return row | {"Default (%)": percent(default.mean if default else None), "Verdict": "the default was selected"}
    if entry.tuning is None:
        return row | {"Verdict": "not compared"}
    better = {"A better": "tuning helped", "B better": "tuning did harm"}
    return row | {
        "Tuned (%)": percent(entry.tuned_accuracy),
        "Default (%)": percent(default.mean if default else None),
        "Tuned − default (points)": signed_points(entry.tuning.difference),
        "95 % interval": signed_range(entry.tuning.low, entry.tuning.high),
        "Seeds": count(entry.tuning.seeds),
        "Verdict": better.get(entry.tuning.verdict.value, entry.tuning.verdict.value),
    }
