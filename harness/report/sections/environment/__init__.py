"""What the run ran on, and how to run it again."""

from __future__ import annotations

from harness.report.findings import Findings
from harness.report.page.formatting import seed_range
from harness.report.section import Keys, Section
from harness.report.sections.environment.table import checksums_table, gpu_table, machine_table
from harness.schedule.plan import confirm_seeds


def _context(findings: Findings) -> Keys:
    run = findings.run
    checkout = [f"git checkout {run.environment.commit}"] if run.environment.commit else []
    return {
        "commands": "\n".join([*checkout, run.environment.command]),
        "machine": machine_table(run.environment),
        "gpu_use": gpu_table(run.records, findings.titles),
        "seeds": seed_range(confirm_seeds(run.study)),
        "checksums": checksums_table(run.environment),
    }


SECTION = Section(__name__, _context)
