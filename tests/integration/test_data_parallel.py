"""Tests of a confirm trial that two workers train together with Ray Train."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import harness
from safetensors.torch import load, load_file

from harness.data import load_dataset
from harness.records.trial import Phase
from harness.runs.journal import read_journal
from harness.study import load_study
from harness.study.yaml_text import write_yaml
from harness.training import Settings
from harness.training.execution import run_trial


@pytest.mark.slow
@pytest.mark.ray
def test_two_workers_give_the_learning_curve_of_one(tmp_path: Path) -> None:
    """Losses, test accuracy and names of the weights agree, and the report names the workers."""
    written = {
        "name": "joint",
        "dataset": {"name": "digits", "validation_size": 200, "train_size": 800},
        "precision": "fp32",
        "confirm": {"seeds": 1, "workers": 2},
        "architectures": {"simple_cnn": {"space": {"epochs": 3}}},
    }
    path, folder = tmp_path / "study.yaml", tmp_path / "run"
    path.write_text(write_yaml(written), encoding="utf-8")
    done = harness("run", "--all", "--config", path, "--output", folder)
    assert done.exit_code == 0, done.output
    [jointly] = [r for r in read_journal(folder / "journal.jsonl") if r.spec.phase is Phase.CONFIRM]
    data = load_dataset(load_study(str(path)).dataset, None)
    *epochs, last = run_trial(jointly.spec, data.training, lambda: data.test, Settings("cpu", 1, "fp32"))
    assert [epoch.train_loss for epoch in jointly.epochs] == pytest.approx(
        [message.epoch.train_loss for message in epochs], rel=1e-4
    )
    alone = last.outcome
    assert jointly.test is not None
    assert jointly.test.accuracy == pytest.approx(alone.test.accuracy, abs=0.003)
    assert load_file(folder / "models" / "simple_cnn.safetensors").keys() == load(alone.weights).keys()
    assert "2 workers trained each model together." in (folder / "report.md").read_text(encoding="utf-8")
