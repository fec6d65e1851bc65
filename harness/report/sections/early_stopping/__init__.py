"""What early stopping ended and saved, and whether an audit finds that rightly."""

from __future__ import annotations

from dataclasses import asdict

from harness.report.findings import Findings
from harness.report.page.formatting import MISSING, count, percent
from harness.report.page.table import Table, make_table
from harness.report.section import Figures, Keys, Section
from harness.report.sections.early_stopping.figure import draw_learning_curves, learning_curve_values
from harness.report.sections.early_stopping.values import ArchitectureAudit, Audit, Correlation, audit, audit_sentence


def audit_table(audit: Audit) -> Table:
    """What early stopping ended and saved, and what its audit found, for each architecture and in all."""
    rows = [_row(one.title, one, one.rung_correlation, one.early_correlation) for one in audit.architectures]
    return make_table([*rows, _row("All", audit)], {"Architecture"})


def _row(
    title: str, one: Audit | ArchitectureAudit, rung: Correlation | None = None, early: Correlation | None = None
) -> dict[str, str]:
    return {
        "Architecture": title,
        "Stopped": count(one.stopped),
        "Finished for the audit": count(len(one.finished)),
        "Would have won": count(one.false_stops) if one.finished else MISSING,
        "Rung against end": _correlation(rung),
        "First rung against end": _correlation(early),
        "Epochs saved": count(one.epochs_saved),
        "Epochs of the audit": count(one.epochs_spent),
        "Net": _signed(one.epochs_saved - one.epochs_spent),
    }


def _correlation(correlation: Correlation | None) -> str:
    if correlation is None or correlation.coefficient is None:
        return MISSING
    return f"{correlation.coefficient:+.2f} (n = {correlation.n})".replace("-", "−")


def _signed(number: int) -> str:
    return f"{number:+,}".replace("-", "−")


def finished_table(audit: Audit) -> Table:
    """Every trial that the audit finished."""
    titles = {one.name: one.title for one in audit.architectures}
    rows = [
        {
            "Architecture": titles[trial.architecture],
            "Trial": trial.trial_id,
            "Stopped after epoch": count(trial.rung),
            "Validation there (%)": percent(trial.accuracy_at_rung),
            "Validation at the end (%)": percent(trial.accuracy),
            "Would have won": "yes" if trial.beats_winner else "no",
        }
        for trial in audit.finished
    ]
    return make_table(rows, {"Architecture", "Trial", "Would have won"})


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
