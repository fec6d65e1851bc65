"""Section "Study": the architectures, the data and the protocol."""

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
    """Create the table that describes the architectures."""
    rows = [
        {
            "Architecture": summary.title,
            "Name": summary.name,
            "Description": summary.architecture.summary,
            "Search trials": count(summary.search.planned),
        }
        for summary in summaries
    ]
    return make_table(rows, {"Architecture", "Name", "Description"})


def balance_sentence(dataset: Dataset) -> str:
    """Describe how the class sizes differ. Empty if they are similar."""
    if not dataset.unbalanced:
        return ""
    test = [sizes[2] for sizes in dataset.class_sizes]
    largest = test.index(max(test))
    return (
        f"The classes have different sizes: {count(min(test))} to {count(max(test))} test images. Always predicting "
        f'{dataset.classes[largest]} would give an accuracy of {percent(max(test) / sum(test))} %. "Balanced" is the '
        "balanced accuracy, in which every class has the same weight."
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
