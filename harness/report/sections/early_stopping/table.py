"""Tables of early stopping: what it ended and saved, and what the audit found."""

from __future__ import annotations

from harness.report.page.formatting import MISSING, count, percent
from harness.report.page.table import Table, make_table
from harness.report.sections.early_stopping.values import ArchitectureAudit, Audit, Correlation


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
