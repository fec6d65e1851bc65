"""The tables of the report as values, a module for each subject."""

from harness.report.tables.accuracy import (
    accuracy_table,
    all_hyperparameters_table,
    class_table,
    hyperparameters_table,
    seeds_table,
)
from harness.report.tables.comparisons import comparisons_table, mcnemar_table
from harness.report.tables.costs import calibration_table, cost_table, label_errors_table, overlap_table
from harness.report.tables.environment import checksums_table, machine_table, time_table
from harness.report.tables.gpu_use import gpu_table
from harness.report.tables.search import architecture_table, failures_table, trials_table
from harness.report.tables.table import Table, make_table
from harness.report.tables.trust import audit_table, finished_table, ledger_table, spending_table, tuning_table

__all__ = [
    "Table",
    "accuracy_table",
    "all_hyperparameters_table",
    "architecture_table",
    "audit_table",
    "calibration_table",
    "checksums_table",
    "class_table",
    "comparisons_table",
    "cost_table",
    "failures_table",
    "finished_table",
    "gpu_table",
    "hyperparameters_table",
    "label_errors_table",
    "ledger_table",
    "machine_table",
    "make_table",
    "mcnemar_table",
    "overlap_table",
    "seeds_table",
    "spending_table",
    "time_table",
    "trials_table",
    "tuning_table",
]
