"""The table of calibration."""

from __future__ import annotations

from collections.abc import Mapping

from harness.report.page.formatting import percent, signed_points
from harness.report.page.table import Table, make_table
from harness.report.sections.calibration.values import Calibration


def calibration_table(calibrations: Mapping[str, Calibration], titles: Mapping[str, str]) -> Table:
    """How far the confidence of each first seed's model can be trusted."""
    rows = [
        {
            "Architecture": titles[name],
            "Expected calibration error (points)": percent(calibration.error),
            "Mean confidence − accuracy (points)": signed_points(calibration.excess),
        }
        for name, calibration in calibrations.items()
    ]
    return make_table(rows, {"Architecture"})
