"""The content of `results.json`, whose layout other programs rely on.

`SCHEMA_VERSION` increases when the layout changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import Enum
from typing import Any

from harness.records.trial import TrialRecord
from harness.report.classification import Classification
from harness.report.findings import Findings
from harness.report.section import Section
from harness.report.summary import ArchitectureSummary, ConfirmSummary, in_declared_order

SCHEMA_VERSION = 1


def results(findings: Findings, sections: Sequence[Section]) -> dict[str, Any]:
    """Create the content of `results.json` from plain JSON values. A missing number is None.

    Args:
        findings: The findings of the run.
        sections: Sections of the report. They add their keys in the order of the page.
    """
    environment = findings.run.environment_json
    architectures = {summary.name: _architecture(summary) for summary in findings.summaries}
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "dataset": environment["dataset"],
        "architectures": list(architectures.values()),
    }
    for section in sections:
        for name, added in section.architecture_results(findings).items():
            architectures[name].update(added)
        content.update(section.results(findings))
    return {key: as_json(value) for key, value in content.items()} | {"environment": dict(environment)}


def _architecture(summary: ArchitectureSummary) -> dict[str, Any]:
    search, model, winner = summary.search, summary.model, summary.winner
    return {
        "name": summary.name,
        "no_result": summary.no_result,
        "hyperparameters": (in_declared_order(summary.architecture, winner.spec.hyperparameters) if winner else None),
        "parameters": model.parameters if model else None,
        "macs": model.macs if model else None,
        "bytes": model.bytes if model else None,
        "search": {key: value for key, value in asdict(search).items() if key not in ("planned", "epoch_budget")},
        "confirm": _confirm(summary.confirm),
        "default": None if summary.default_selected else _confirm(summary.default),
        "balanced_accuracy_mean": summary.balanced_accuracy,
        **_classification(summary.classification),
        "baseline_accuracy": summary.baseline_accuracy,
    }


def _confirm(confirm: ConfirmSummary) -> dict[str, Any]:
    test = confirm.test
    return {
        "seeds": [_seed(record) for record in confirm.records],
        "test_accuracy_mean": test.mean if test else None,
        "test_accuracy_std": test.std if test else None,
        "test_accuracy_ci95": [test.low, test.high] if test else None,
        "ci95_method": test.method.value if test else None,
        "validation_accuracy_mean": confirm.validation_accuracy_mean,
    }


def _seed(record: TrialRecord) -> dict[str, Any]:
    last = record.last_epoch
    return {
        "seed": record.spec.seed,
        "status": record.status.value,
        "validation_accuracy": last.validation_accuracy if last else None,
        "test_accuracy": record.test.accuracy if record.test else None,
        "test_loss": record.test.loss if record.test else None,
        "train_seconds": record.train_seconds,
        "epochs": len(record.epochs),
    }


def _classification(found: Classification | None) -> dict[str, Any]:
    keys = {"confusion_matrix": "matrix", "precision": "precision", "recall": "recall", "f1": "f1"}
    return {key: getattr(found, value).tolist() if found else None for key, value in keys.items()}


def as_json(value: Any) -> Any:
    """Round numbers to twelve significant digits, and replace numbers that are not finite by None.

    After the twelfth digit, versions of numerical libraries give different results. A report that
    is rebuilt on another machine must be the same.

    >>> as_json({"f1": [1 / 3, float("nan")]})
    {'f1': [0.333333333333, None]}
    """
    if isinstance(value, Mapping):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return float(f"{value:.12g}") if math.isfinite(value) else None
    return value
