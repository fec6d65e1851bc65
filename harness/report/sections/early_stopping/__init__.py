"""Section "Early stopping": what it saved, and the result of its audit."""

from __future__ import annotations

from dataclasses import asdict

from harness.report.findings import Findings
from harness.report.page.formatting import MISSING, count, percent
from harness.report.page.table import Table, make_table
from harness.report.section import Figures, Keys, Section
from harness.report.sections.early_stopping.figure import draw_learning_curves, learning_curve_values
from harness.report.sections.early_stopping.values import ArchitectureAudit, Audit, Correlation, audit, audit_sentence


def audit_table(audit: Audit) -> Table:
    """Create the table of early stopping and its audit, per architecture and in total."""
    rows = [_row(one.title, one, one.rung_correlation, one.early_correlation) for one in audit.architectures]
    return make_table([*rows, _row("All", audit)], {"Architecture"})


def _row(
    title: str, one: Audit | ArchitectureAudit, rung: Correlation | None = None, early: Correlation | None = None
) -> dict[str, str]:
    return {
        "Architecture": title,
        "Stopped early": count(one.stopped),
        "Audited": count(len(one.finished)),
        "Better than the selected trial": count(one.false_stops) if one.finished else MISSING,
        "Correlation of rung and final accuracy": _correlation(rung),
        "Correlation of first and final accuracy": _correlation(early),
        "Epochs saved": count(one.epochs_saved),
        "Epochs trained by the audit": count(one.epochs_spent),
        "Net epochs saved": _signed(one.epochs_saved - one.epochs_spent),
    }


def _correlation(correlation: Correlation | None) -> str:
    if correlation is None or correlation.coefficient is None:
        return MISSING
    return f"{correlation.coefficient:+.2f} (n = {correlation.n})".replace("-", "−")


def _signed(number: int) -> str:
    return f"{number:+,}".replace("-", "−")


def finished_table(audit: Audit) -> Table:
    """Create the table of all audited trials."""
    titles = {one.name: one.title for one in audit.architectures}
    rows = [
        {
            "Architecture": titles[trial.architecture],
            "Trial": trial.trial_id,
            "Stopped after epoch": count(trial.rung),
            "Validation accuracy at the stop (%)": percent(trial.accuracy_at_rung),
            "Final validation accuracy (%)": percent(trial.accuracy),
            "Better than the selected trial": "yes" if trial.beats_winner else "no",
        }
        for trial in audit.finished
    ]
    return make_table(rows, {"Architecture", "Trial", "Better than the selected trial"})


def _context(findings: Findings) -> Keys:
    found = findings.of(audit)
    return {
        "audit": audit_table(found),
        "finished": finished_table(found),
        "audit_sentence": audit_sentence(found),
        "first_rung": found.first_rung,
    }


def _figures(findings: Findings) -> Figures:
    run = findings.run
    panels = learning_curve_values(findings.summaries, run.records, run.environment.dataset.validation)
    return {"learning_curves": draw_learning_curves(panels) if panels else None}


def _results(findings: Findings) -> Keys:
    found = findings.of(audit)
    return {"audit": asdict(found) | {"stopped": found.stopped, "false_stops": found.false_stops}}


SECTION = Section(__name__, _context, _figures, _results)
