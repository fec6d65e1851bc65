"""Tables of mistakes: those that architectures share, and accuracy without the known wrong labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.report.page.formatting import MISSING, count, percent, signed_points
from harness.report.page.table import Table, make_table
from harness.report.sections.errors.values import ErrorOverlap


def overlap_table(overlap: ErrorOverlap, titles: Mapping[str, str]) -> Table:
    """What each architecture misses, what it alone misses, and whose mistakes are most alike."""
    rows = [
        {
            "Architecture": titles[name],
            "Missed": count(int(overlap.missed[place].sum())),
            "By it alone": count(int(overlap.shared[place, 0])) if len(overlap.names) > 1 else MISSING,
            "Most alike": _most_alike(overlap, place, titles),
        }
        for place, name in enumerate(overlap.names)
    ]
    return make_table(rows, {"Architecture", "Most alike"})


def _most_alike(overlap: ErrorOverlap, place: int, titles: Mapping[str, str]) -> str:
    others = {name: overlap.jaccard[place, other] for other, name in enumerate(overlap.names) if other != place}
    known = {name: float(alike) for name, alike in others.items() if not np.isnan(alike)}
    if not known:
        return MISSING
    nearest = max(known, key=lambda name: known[name])
    return f"{titles[nearest]} ({100 * known[nearest]:.0f} % in common)"


def label_errors_table(accuracies: Mapping[str, tuple[float, float]], titles: Mapping[str, str]) -> Table:
    """Mean test accuracy with and without the test images whose label is known to be wrong."""
    rows = [
        {
            "Architecture": titles[name],
            "All test images (%)": percent(everything),
            "Without wrong labels (%)": percent(sound),
            "Difference (points)": signed_points(sound - everything),
        }
        for name, (everything, sound) in accuracies.items()
    ]
    return make_table(rows, {"Architecture"})
