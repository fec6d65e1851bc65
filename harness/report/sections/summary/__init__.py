"""Title of the page and summary: the few sentences that a reader sees first."""

from __future__ import annotations

from harness.report.findings import Findings
from harness.report.section import Keys, Section
from harness.report.sections.summary.values import headline


def _context(findings: Findings) -> Keys:
    summaries = findings.summaries
    return {
        "search_planned": sum(summary.search.planned for summary in summaries),
        "search_ended": sum(summary.search.trials for summary in summaries),
        "confirm_planned": len(summaries) * findings.run.study.confirm.seeds,
        "confirm_ended": sum(len(summary.confirm.records) for summary in summaries),
        "lead": headline(findings),
    }


SECTION = Section(__name__, _context)
