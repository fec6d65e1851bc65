"""From how many configurations each winner was selected, what that cost, and what tuning gained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.report.findings import Findings
from harness.report.section import Section
from harness.report.sections.selection.table import ledger_table, tuning_table
from harness.report.sections.selection.values import LedgerEntry, ledger


def _context(findings: Findings) -> Mapping[str, object]:
    entries = findings.of(ledger)
    return {"ledger": ledger_table(entries), "tuning": tuning_table(entries)}


def _architecture_results(findings: Findings) -> Mapping[str, Mapping[str, Any]]:
    return {entry.name: {"selection": _result(entry)} for entry in findings.of(ledger)}


def _result(entry: LedgerEntry) -> Mapping[str, Any]:
    return {
        "configurations": entry.configurations,
        "completed": entry.completed,
        "validation_accuracy_in_search": entry.found,
        "validation_accuracy_in_confirm": entry.again,
        "test_openings": entry.openings,
        "default_selected": entry.default_selected,
        "default_test_accuracy_mean": entry.default_accuracy,
        "default_seeds": entry.default_seeds,
        "tuned_minus_default": asdict(entry.tuning) if entry.tuning else None,
    }


SECTION = Section(__name__, _context, architecture_results=_architecture_results)
