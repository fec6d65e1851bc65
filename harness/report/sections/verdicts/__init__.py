"""The verdict on every pair of architectures."""

from __future__ import annotations

from dataclasses import asdict

from harness.report.findings import Findings
from harness.report.section import ArchitectureKeys, Figures, Keys, Section
from harness.report.sections.verdicts.figure import draw_verdicts, verdict_matrix
from harness.report.sections.verdicts.table import comparisons_table, mcnemar_table
from harness.report.sections.verdicts.values import comparisons, groups, verdict_limits


def _context(findings: Findings) -> Keys:
    pairs, titles = findings.of(comparisons), findings.titles
    return {
        "comparisons": comparisons_table(pairs, titles),
        "rope": findings.rope,
        "verdict_limits": verdict_limits(pairs, titles),
        "mcnemar": mcnemar_table(pairs, titles),
    }


def _figures(findings: Findings) -> Figures:
    pairs = findings.of(comparisons)
    return {"verdicts": draw_verdicts(verdict_matrix(findings.order, findings.titles, pairs)) if pairs else None}


def _results(findings: Findings) -> Keys:
    return {
        "ranking": list(findings.order),
        "rope": findings.rope,
        "verdicts": [asdict(pair) for pair in findings.of(comparisons)],
    }


def _architecture_results(findings: Findings) -> ArchitectureKeys:
    letters = findings.of(groups)
    return {summary.name: {"group": letters.get(summary.name)} for summary in findings.summaries}


SECTION = Section(__name__, _context, _figures, _results, _architecture_results)
