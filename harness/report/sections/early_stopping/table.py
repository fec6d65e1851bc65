"""Tables of early stopping: what it ended and saved, and what the audit found."""

from __future__ import annotations

from harness.report.page.formatting import MISSING, count, percent
from harness.report.page.table import Table, make_table
from harness.report.sections.early_stopping.values import Audit, Correlation


def audit_table(audit: Audit) -> Table:
    """What early stopping ended and saved, and what its audit found, for each architecture and in all."""
    rows = [
        {
            "Architecture": one.title,
            "Stopped": count(one.stopped),
            "Finished for the audit": count(len(one.finished)),
            "Would have won": count(one.false_stops) if one.finished else MISSING,
            "Rung against end": _correlation(one.rung_correlation),
            "First rung against end": _correlation(one.early_correlation),
            "Epochs saved": count(one.epochs_saved),
            "Epochs of the audit": count(one.epochs_spent),
            "Net": _signed(one.epochs_saved - one.epochs_spent),
        }
        for one in audit.architectures
    ]
    rows.append(
        {
            "Architecture": "All",
            "Stopped": count(audit.stopped),
            "Finished for the audit": count(len(audit.finished)),
            "Would have won": count(audit.false_stops) if audit.finished else MISSING,
            "Rung against end": MISSING,
            "First rung against end": MISSING,
            "Epochs saved": count(audit.epochs_saved),
            "Epochs of the audit": count(audit.epochs_spent),
            "Net": _signed(audit.epochs_saved - audit.epochs_spent),
        }
    )
    return make_table(rows, {"Architecture"})


def _correlation(correlation: Correlation) -> str:
    if correlation.coefficient is None:
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
