"""The table of where the time of a run went."""

from __future__ import annotations

from harness.records.trial import Phase
from harness.report.page.formatting import seconds, share
from harness.report.page.table import Table, make_table
from harness.report.sections.time.values import TimeUse


def time_table(use: TimeUse) -> Table:
    """Slot-seconds by what they were spent on."""
    spent = {
        "Start-up": use.start_up,
        **{f"Training, {phase.value}": use.training[phase] for phase in Phase},
        "Validation": use.validation,
        "Reporting and test passes": use.reporting,
        "Idle, or between two trials": use.idle,
        "Latency and throughput of the models": use.cost_pass,
        "Shut-down": use.shut_down,
        "All": use.all,
    }
    rows = [
        {"Spent on": name, "Slot-seconds": seconds(value), "Share": share(value, use.all)}
        for name, value in spent.items()
    ]
    return make_table(rows, {"Spent on"})
