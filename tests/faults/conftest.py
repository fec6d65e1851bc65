"""Fixtures of the fault suite."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from fault_runs import Command

from harness.study.yaml_text import write_yaml


@pytest.fixture
def start(tmp_path: Path):
    """Start commands. After the test, their processes are killed and their output is shown."""
    commands: list[Command] = []

    def start_one(*arguments: str | Path, **options: Any) -> Command:
        commands.append(Command(arguments, tmp_path, **options))
        return commands[-1]

    yield start_one
    for command in commands:
        command.kill_all()
        sys.stdout.write(command.stdout + command.stderr)


Study = Callable[..., Path]


@pytest.fixture
def write_study(tmp_path: Path) -> Study:
    """Write studies on digits that train one trial at a time."""

    def write(architectures: Mapping[str, Any], name: str = "faults", **changes: Any) -> Path:
        study = {
            "name": name,
            "dataset": {"name": "digits", "validation_size": 200, "train_size": 960},
            "resources": {"cpus": len(os.sched_getaffinity(0))},
            "confirm": {"seeds": 2},
            "architectures": dict(architectures),
        } | changes
        path = tmp_path / f"{name}.yaml"
        path.write_text(write_yaml(study), encoding="utf-8")
        return path

    return write
