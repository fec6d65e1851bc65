"""Section "Trials": status of the search trials, and reasons of failures."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.findings import Findings
from harness.report.page.formatting import MISSING, count, seconds, share
from harness.report.page.table import Table, make_table
from harness.report.section import Keys, Section
from harness.report.summary import ArchitectureSummary

FAILURES_SHOWN = 10


def trials_table(summaries: Sequence[ArchitectureSummary]) -> Table:
    """Create the table of the search trials' status and epochs."""
    rows = [
        {
            "Architecture": summary.title,
            "Completed": count(search.completed),
            "Stopped early": count(search.stopped_early),
            "Failed": count(search.failed),
            "Epochs trained": count(search.epochs),
            "Epochs planned": count(search.epoch_budget),
            "Epochs saved by ASHA": count(search.epochs_saved),
            "Share of epochs saved": share(search.epochs_saved, search.epoch_budget),
            "Training time (s)": seconds(search.train_seconds),
        }
        for summary in summaries
        for search in (summary.search,)
    ]
    return make_table(rows, {"Architecture"})


def failures_table(summaries: Sequence[ArchitectureSummary]) -> Table:
    """Create the table of failures by reason, with the most frequent ones of each architecture."""
    rows = []
    for summary in summaries:
        rows += [
            {
                "Architecture": summary.title,
                "Phase": failure.phase.value,
                "Trials": count(failure.trials),
                "Reason": failure.reason,
                "Example trial": failure.example,
            }
            for failure in summary.failures[:FAILURES_SHOWN]
        ]
        others = sum(failure.trials for failure in summary.failures[FAILURES_SHOWN:])
        if others:
            rest = {"Trials": count(others), "Reason": "other reasons, listed in trials.csv"}
            rows.append({"Architecture": summary.title, "Phase": MISSING, "Example trial": MISSING} | rest)
    return make_table(rows, {"Architecture", "Phase", "Reason", "Example trial"})


def _context(findings: Findings) -> Keys:
    return {"trials": trials_table(findings.summaries), "failures": failures_table(findings.summaries)}


SECTION = Section(__name__, _context)
