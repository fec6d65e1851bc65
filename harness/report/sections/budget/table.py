"""The table of what was spent."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records.trial import Phase
from harness.report.page.formatting import count, seconds
from harness.report.page.table import Table, make_table
from harness.report.sections.budget.spending import Spending


def spending_table(spendings: Sequence[Spending]) -> Table:
    """Configurations, epochs and seconds of each architecture; seconds are those of one slot."""
    rows = [
        {
            "Architecture": spent.title,
            "Configurations": count(spent.phases[Phase.SEARCH].trials),
            "Epochs, search": count(spent.phases[Phase.SEARCH].epochs),
            "Epochs, confirm": count(spent.phases[Phase.CONFIRM].epochs),
            "Epochs, audit": count(spent.phases[Phase.AUDIT].epochs),
            "Training, search (s)": seconds(spent.phases[Phase.SEARCH].train_seconds),
            "Training, all (s)": seconds(spent.train_seconds),
            "Overhead (s)": seconds(spent.overhead_seconds),
        }
        for spent in spendings
    ]
    return make_table(rows, {"Architecture"})
