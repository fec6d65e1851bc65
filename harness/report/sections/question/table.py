"""What was compared, and on which data."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records.dataset import Dataset
from harness.report.page.formatting import count, percent
from harness.report.page.table import Table, make_table
from harness.report.summary import ArchitectureSummary


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
    return make_table(rows, {"Architecture", "Name", "What it is"})


def balance_sentence(dataset: Dataset) -> str:
    """How unlike the classes are in size, and what to make of it; empty where they are much alike."""
    if not dataset.unbalanced:
        return ""
    test = [sizes[2] for sizes in dataset.class_sizes]
    largest = test.index(max(test))
    return (
        f"Classes are unlike in size: {count(min(test))} to {count(max(test))} test images. Whoever always says "
        f'{dataset.classes[largest]} is right in {percent(max(test) / sum(test))} %. "Balanced" is the accuracy in '
        "which every class counts alike."
    )
