"""From how many configurations each winner was selected, what that cost, and what tuning gained."""

from __future__ import annotations

from dataclasses import asdict

from harness.report.findings import Findings
from harness.report.section import ArchitectureKeys, Keys, Section
from harness.report.sections.selection.table import ledger_table, tuning_table
from harness.report.sections.selection.values import LedgerEntry, ledger


def _context(findings: Findings) -> Keys:
    entries = findings.of(ledger)
    return {"ledger": ledger_table(entries), "tuning": tuning_table(entries)}


def _architecture_results(findings: Findings) -> ArchitectureKeys:
    return {entry.summary.name: {"selection": _result(entry)} for entry in findings.of(ledger)}


def _result(entry: LedgerEntry) -> Keys:
    search, default = entry.summary.search, entry.summary.default.test
    return {
        "configurations": search.trials,
        "completed": search.completed,
        "validation_accuracy_in_search": entry.found,
        "validation_accuracy_in_confirm": entry.again,
        "test_openings": entry.openings,
        "default_selected": entry.summary.default_selected,
        "default_test_accuracy_mean": default.mean if default else None,
        "default_seeds": default.n if default else 0,
        "tuned_minus_default": asdict(entry.tuning) if entry.tuning else None,
    }


SECTION = Section(__name__, _context, architecture_results=_architecture_results)
