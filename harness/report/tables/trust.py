"""Tables of what makes the comparison fair: the selection ledger, the audit of early stopping, what was spent."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records.trial import Phase
from harness.report.audit import Audit, Correlation
from harness.report.formatting import MISSING, count, percent, seconds, signed_points
from harness.report.ledger import LedgerEntry
from harness.report.spending import Spending
from harness.report.tables.table import Table, make_table


def ledger_table(entries: Sequence[LedgerEntry]) -> Table:
    """From how many configurations each winner was chosen, and what its accuracy became without the choice."""
    rows = [
        {
            "Architecture": entry.title,
            "Configurations compared": count(entry.configurations),
            "Finished": count(entry.completed),
            "Winner, in search (%)": percent(entry.found),
            "Winner, in confirm (%)": percent(entry.again),
            "Difference (points)": signed_points(entry.curse),
            "Test set opened": count(entry.openings),
        }
        for entry in entries
    ]
    return make_table(rows, {"Architecture"})


def tuning_table(entries: Sequence[LedgerEntry]) -> Table | None:
    """What tuning gained on the test images; None when no default configuration was confirmed beside another."""
    if not any(entry.tuning for entry in entries):
        return None
    return make_table([_tuning_row(entry) for entry in entries], {"Architecture", "Verdict"})


def _tuning_row(entry: LedgerEntry) -> dict[str, str]:
    row = dict.fromkeys(("Tuned (%)", "Default (%)", "Tuned − default (points)", "95 % interval", "Seeds"), MISSING)
    row = {"Architecture": entry.title} | row
    if entry.default_selected:
        return row | {"Default (%)": percent(entry.default_accuracy), "Verdict": "the default was selected"}
    if entry.tuning is None:
        return row | {"Verdict": "not compared"}
    better = {"A better": "tuning helped", "B better": "tuning did harm"}
    return row | {
        "Tuned (%)": percent(entry.tuned_accuracy),
        "Default (%)": percent(entry.default_accuracy),
        "Tuned − default (points)": signed_points(entry.tuning.difference),
        "95 % interval": f"{signed_points(entry.tuning.low)} to {signed_points(entry.tuning.high)}",
        "Seeds": count(entry.tuning.seeds),
        "Verdict": better.get(entry.tuning.verdict.value, entry.tuning.verdict.value),
    }


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


def finished_table(audit: Audit) -> Table | None:
    """Every trial that the audit finished; None when there is none."""
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
    return make_table(rows, {"Architecture", "Trial", "Would have won"}) if rows else None


def spending_table(spendings: Sequence[Spending]) -> Table:
    """Configurations, epochs and seconds of each architecture; seconds are those of one slot."""
    rows = [
        {
            "Architecture": spent.title,
            "Configurations": count(spent.phases[Phase.SEARCH].trials),
            "Epochs, search": count(spent.phases[Phase.SEARCH].epochs),
            "Epochs, confirm": count(spent.phases[Phase.CONFIRM].epochs),
            "Epochs, audit": count(spent.phases[Phase.AUDIT].epochs),
            "Training, search (s)": seconds(spent.phases[Phase.SEARCH].train_seconds),
            "Training, all (s)": seconds(spent.train_seconds),
            "Overhead (s)": seconds(spent.overhead_seconds),
        }
        for spent in spendings
    ]
    return make_table(rows, {"Architecture"})
