"""What was asked: the architectures, the data and the protocol."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records.dataset import Dataset
from harness.report.findings import Findings
from harness.report.page.formatting import count, counted_seeds, percent, seed_range
from harness.report.page.table import Table, make_table
from harness.report.section import Keys, Section
from harness.report.summary import ArchitectureSummary
from harness.schedule.plan import confirm_seeds


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


def _context(findings: Findings) -> Keys:
    study = findings.run.study
    return {
        "architectures": architecture_table(findings.summaries),
        "balance": balance_sentence(findings.run.environment.dataset),
        "seeds": seed_range(confirm_seeds(study)),
        "seeds_number": counted_seeds(study.confirm.seeds),
        "default_seeds": count(min(study.confirm.default_seeds, study.confirm.seeds)),
    }


SECTION = Section(__name__, _context)
