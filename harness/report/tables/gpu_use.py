"""Table of how trials used a GPU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.records.trial import Phase, Placement, TrialRecord
from harness.report.formatting import MISSING
from harness.report.tables.table import Table, make_table


def gpu_table(records: Iterable[TrialRecord], titles: Mapping[str, str]) -> Table | None:
    """What was done on a GPU for each architecture, and why no more; None where no trial ran on one.

    Args:
        records: of all trials.
        titles: of the architectures, by name.
    """
    used: dict[str, list[tuple[Phase, Placement]]] = {}
    for record in records:
        if record.placement is not None and record.placement.device != "cpu":
            used.setdefault(record.spec.architecture, []).append((record.spec.phase, record.placement))
    rows = [_row(titles.get(name, name), of_one) for name, of_one in used.items()]
    return make_table(rows, {"Architecture", "Share of a GPU", "Precision", "Why not all"}) if rows else None


def _row(title: str, used: list[tuple[Phase, Placement]]) -> dict[str, str]:
    places = [place for _, place in used]
    confirmed = [place for phase, place in used if phase is Phase.CONFIRM]
    reasons = dict.fromkeys(
        f"{what}: {reason}"
        for place in places
        for what, reason in (("not captured", place.not_captured), ("not together", place.not_together))
        if reason is not None
    )
    return {
        "Architecture": title,
        "Share of a GPU": ", ".join(f"{gpus:g}" for gpus in sorted({place.gpus for place in places})),
        "Precision": ", ".join(sorted({place.precision for place in places})),
        "Trials": str(len(places)),
        "With captured steps": str(sum(place.captured for place in places)),
        "Confirm trials": str(len(confirmed)),
        "Trained together": str(sum(place.together > 1 for place in confirmed)),
        "Why not all": "; ".join(reasons) or MISSING,
    }
