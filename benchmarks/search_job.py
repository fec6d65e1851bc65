"""The search for `benchmarks.alternatives`: 30 configurations of lenet5, at most 8 epochs each."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EPOCHS = 8
CONFIGURATIONS = 30
GRACE_EPOCHS = 1
REDUCTION_FACTOR = 3
STUDY = {
    "name": "search-job",
    "early_stopping": {"grace_epochs": GRACE_EPOCHS, "reduction_factor": REDUCTION_FACTOR},
    "confirm": {"seeds": 1},
    "architectures": {
        "lenet5": {
            "samples": CONFIGURATIONS,
            "space": {
                "epochs": EPOCHS,
                "augmentation": "none",
                "learning_rate": {"loguniform": [0.0003, 0.03]},
                "activation": {"choice": ["tanh", "relu"]},
                "pooling": {"choice": ["average", "max"]},
            },
        }
    },
}


def configurations() -> list[dict[str, Any]]:
    """Return the hyperparameters of every trial, as the harness draws them."""
    from harness.schedule.plan import plan_search
    from harness.study import parse_study

    return [dict(spec.hyperparameters) for spec in plan_search(parse_study(STUDY, "search-job"), "mnist")]


def split_indices() -> tuple[list[int], list[int]]:
    """Return the indices of the train and validation splits in torchvision's 60,000 images."""
    from harness.data.sources.mnist import load_mnist
    from harness.data.splits import stratified_cut

    rest, validation = stratified_cut(load_mnist(None).train.labels, 5000, 0)
    return rest.tolist(), validation.tolist()


def build(hyperparameters: Mapping[str, Any]) -> Any:
    """Build the model of a configuration in the default memory layout."""
    from architectures import BUILT_IN, InputShape

    entry = BUILT_IN["lenet5"]
    return entry.build(entry.hyperparameters.model_validate(dict(hyperparameters)), InputShape(1, 28, 28), 10)


def note(path: Path, accuracy: float) -> None:
    """Record a validation accuracy with the current time."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"at": time.time(), "accuracy": accuracy}) + "\n")
