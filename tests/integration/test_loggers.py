"""Tests of loggers that receive the metrics of every epoch."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.errors import EnvironmentMismatchError
from harness.run import app
from harness.runs.provenance import check_loggers
from harness.study.yaml_text import write_yaml


@pytest.mark.slow
@pytest.mark.ray
def test_tensorboard_has_every_trial(tmp_path: Path) -> None:
    """Each trial has an event file with its losses and accuracies in the run folder."""
    study = {
        "name": "logged",
        "dataset": {"name": "digits", "validation_size": 200, "train_size": 400},
        "confirm": {"seeds": 1},
        "loggers": ["tensorboard"],
        "architectures": {"mlp": {"space": {"epochs": 2}}},
    }
    path = tmp_path / "study.yaml"
    path.write_text(write_yaml(study), encoding="utf-8")
    folder = tmp_path / "run"
    done = CliRunner().invoke(app, ["--all", "--config", str(path), "--output", str(folder)])
    assert done.exit_code == 0, done.output
    folders = sorted((folder / "loggers" / "tensorboard").iterdir())
    assert len(folders) == 2
    for trial in folders:
        [events] = trial.glob("events.out.tfevents.*")
        content = events.read_bytes()
        assert content.count(b"ray/tune/validation_accuracy") >= 2  # once for each epoch
        assert b"architecture" in content
        assert b"checkpoint" not in content


def test_a_logger_that_is_not_installed_is_named_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the missing package and the command that installs it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        EnvironmentMismatchError, match=r"mlflow needs the package mlflow, .* pip install '.\[mlflow\]'"
    ):
        check_loggers(["mlflow"])
