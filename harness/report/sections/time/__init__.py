"""Where the time of the run went."""

from __future__ import annotations

from harness.report.findings import Findings
from harness.report.section import Keys, Section
from harness.report.sections.time.table import time_table
from harness.report.sections.time.values import time_sentence, time_use


def _context(findings: Findings) -> Keys:
    environment = findings.run.environment
    use = time_use(findings.run.records, environment.timeline, environment.slots)
    return {"time": time_table(use) if use else None, "time_sentence": time_sentence(use) if use else ""}


SECTION = Section(__name__, _context)
