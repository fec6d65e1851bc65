"""Section "Errors": shared errors, label errors and the most confident errors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.report.findings import Findings
from harness.report.page.formatting import MISSING, count, percent, signed_points
from harness.report.page.table import Table, make_table
from harness.report.section import Figures, Keys, Section
from harness.report.sections.errors.figure import draw_overlap, overlap_figure_values
from harness.report.sections.errors.gallery import draw_mistakes, mistakes_values
from harness.report.sections.errors.label_errors import MNIST_LABEL_ERRORS, label_errors
from harness.report.sections.errors.values import ErrorOverlap, overlap, overlap_sentence


def overlap_table(overlap: ErrorOverlap, titles: Mapping[str, str]) -> Table:
    """Create the table of each architecture's errors and of the most similar architecture."""
    rows = [
        {
            "Architecture": titles[name],
            "Misclassified": count(int(overlap.missed[place].sum())),
            "By this architecture only": count(int(overlap.shared[place, 0])) if len(overlap.names) > 1 else MISSING,
            "Most similar": _most_similar(overlap, place, titles),
        }
        for place, name in enumerate(overlap.names)
    ]
    return make_table(rows, {"Architecture", "Most similar"})


def _most_similar(overlap: ErrorOverlap, place: int, titles: Mapping[str, str]) -> str:
    others = {name: overlap.jaccard[place, other] for other, name in enumerate(overlap.names) if other != place}
    known = {name: float(shared) for name, shared in others.items() if not np.isnan(shared)}
    if not known:
        return MISSING
    nearest = max(known, key=lambda name: known[name])
    return f"{titles[nearest]} ({100 * known[nearest]:.0f} % shared)"


def label_errors_table(accuracies: Mapping[str, tuple[float, float]], titles: Mapping[str, str]) -> Table:
    """Create the table of mean test accuracies with and without the known label errors."""
    rows = [
        {
            "Architecture": titles[name],
            "All test images (%)": percent(everything),
            "Without label errors (%)": percent(sound),
            "Difference (percentage points)": signed_points(sound - everything),
        }
        for name, (everything, sound) in accuracies.items()
    ]
    return make_table(rows, {"Architecture"})


def _context(findings: Findings) -> Keys:
    found, titles = findings.of(overlap), findings.titles
    return {
        "overlap": overlap_table(found, titles) if found else None,
        "overlap_sentence": overlap_sentence(found) if found else "",
        "label_errors": label_errors_table(label_errors(findings), titles),
        "label_errors_number": len(MNIST_LABEL_ERRORS),
    }


def _figures(findings: Findings) -> Figures:
    run, found = findings.run, findings.of(overlap)
    values = overlap_figure_values(found, findings.titles) if found else None
    rows = (
        mistakes_values(findings.summaries, run.predictions, run.missed, run.environment.dataset.classes)
        if run.missed
        else ()
    )
    return {
        "error_overlap": None if values is None else draw_overlap(values),
        "most_confidently_wrong": draw_mistakes(rows) if rows else None,
    }


SECTION = Section(__name__, _context, _figures)
