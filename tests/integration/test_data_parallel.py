"""Tests of a confirm trial that two workers train together with Ray Train."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file
from typer.testing import CliRunner

from harness.records.trial import Phase, TrialRecord
from harness.run import app
from harness.runs.journal import read_journal
from harness.study.yaml_text import write_yaml


def confirmed(folder: Path, study: Path, workers: int) -> list[TrialRecord]:
    command = ["--all", "--config", str(study), "--output", str(folder), "--set", f"confirm.workers={workers}"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    return [record for record in read_journal(folder / "journal.jsonl") if record.spec.phase is Phase.CONFIRM]


@pytest.mark.slow
@pytest.mark.ray
def test_two_workers_give_the_learning_curve_of_one(tmp_path: Path) -> None:
    """Losses, test accuracy and names of weights agree, and the report mentions the workers."""
    study = {
        "name": "joint",
        "dataset": {"name": "digits", "validation_size": 200, "train_size": 800},
        "precision": "fp32",
        "confirm": {"seeds": 1},
        "architectures": {"simple_cnn": {"space": {"epochs": 3}}},
    }
    path = tmp_path / "study.yaml"
    path.write_text(write_yaml(study), encoding="utf-8")
    [alone], [jointly] = (confirmed(tmp_path / f"run{workers}", path, workers) for workers in (1, 2))
    assert [epoch.train_loss for epoch in jointly.epochs] == pytest.approx(
        [epoch.train_loss for epoch in alone.epochs], rel=1e-4
    )
    assert jointly.test is not None
    assert alone.test is not None
    assert jointly.test.accuracy == pytest.approx(alone.test.accuracy, abs=0.003)
    names = [load_file(tmp_path / run / "models" / "simple_cnn.safetensors").keys() for run in ("run1", "run2")]
    assert names[0] == names[1]
    sentence = "2 workers trained each model together."
    pages = [(tmp_path / run / "report.md").read_text(encoding="utf-8") for run in ("run1", "run2")]
    assert [sentence in page for page in pages] == [False, True]


def test_more_workers_than_the_cluster_takes_are_refused(tmp_path: Path) -> None:
    """The error is one sentence, before any trial starts."""
    study = tmp_path / "study.yaml"
    study.write_text(
        write_yaml(
            {"name": "many", "dataset": {"name": "digits", "validation_size": 200}, "architectures": {"mlp": {}}}
        ),
        encoding="utf-8",
    )
    command = ["--all", "--config", str(study), "--output", str(tmp_path / "run"), "--set", "confirm.workers=1000"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2
    assert "needs 1000 workers" in done.output
