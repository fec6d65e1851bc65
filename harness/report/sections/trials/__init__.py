"""How the search trials ended, and why some failed."""

from __future__ import annotations

from harness.report.findings import Findings
from harness.report.section import Keys, Section
from harness.report.sections.trials.table import failures_table, trials_table


def _context(findings: Findings) -> Keys:
    return {"trials": trials_table(findings.summaries), "failures": failures_table(findings.summaries)}


SECTION = Section(__name__, _context)
