"""What was asked: the architectures, the data and the protocol."""

from __future__ import annotations

from harness.report.findings import Findings
from harness.report.page.formatting import count, counted_seeds, seed_range
from harness.report.section import Keys, Section
from harness.report.sections.question.table import architecture_table, balance_sentence
from harness.schedule.plan import confirm_seeds


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
