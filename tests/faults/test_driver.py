"""Tests of a command that is killed, interrupted or started twice."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from fault_runs import Command, journal, lines, numbers, own, planted

from harness.records.trial import Phase
from harness.study.yaml_text import write_yaml
from harness.training import read_checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.ray]

SEARCH = {
    "epochs": 9,
    "batch_size": 8,
    "units": 256,
    "augmentation": "none",
    "learning_rate": {"grid": [0.0001, 0.0003, 0.001, 0.003, 0.01]},
}
ARCHITECTURES = {
    "mlp": {"space": SEARCH},
    "advanced_mlp": {"space": {"epochs": 4, "batch_size": 8, "augmentation": "affine"}},
}
CHANGES = {
    "early_stopping": {"grace_epochs": 1, "reduction_factor": 3},
    "confirm": {"seeds": 2, "default_seeds": 1},
    "audit": {"trials": 1},
    "checkpoint": {"every_seconds": 0},
}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> tuple[Path, float]:
    """A run without interruptions, and the seconds between its first and its last trial."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    study = {
        "name": "faults",
        "dataset": {"name": "digits", "validation_size": 200, "train_size": 960},
        "resources": {"cpus": len(os.sched_getaffinity(0))},
        "architectures": ARCHITECTURES,
    } | CHANGES
    (folder / "study.yaml").write_text(write_yaml(study), encoding="utf-8")
    command = Command(["--all", "--config", folder / "study.yaml", "--output", folder / "run"], folder)
    assert command.end() == 0, command.stderr
    command.assert_nothing_is_left()
    records = journal(folder / "run")
    return folder / "run", max(r.ended_at for r in records) - min(r.started_at for r in records)


def go_on(start, folder: Path, uninterrupted: Path) -> None:
    """Resume a run, and check that its results equal those of the uninterrupted run.

    No trial in the journal is trained again.
    """
    before = journal(folder)
    resumed = start("--resume", folder)
    assert resumed.end() == 0, resumed.stderr
    after = journal(folder)
    assert after[: len(before)] == before
    identities = [record.trial_id for record in after]
    assert len(set(identities)) == len(identities)
    assert numbers(folder) == numbers(uninterrupted)
    assert not list((folder / "checkpoints").glob("*"))


MOMENTS = [pytest.param(number, marks=pytest.mark.exhaustive if number else ()) for number in range(5)]


@pytest.mark.parametrize("number", MOMENTS)
def test_a_killed_command_is_resumed_to_the_same_result(number, start, write_study, uninterrupted, tmp_path) -> None:
    """After kill -9 at a random moment, no finished trial is repeated and results are equal."""
    whole, seconds = uninterrupted
    folder = tmp_path / "run"
    command = start("--all", "--config", write_study(ARCHITECTURES, **CHANGES), "--output", folder)
    moment = random.Random(number).uniform(0.0, seconds)
    command.wait_until(lambda: "starting trials" in command.stdout)
    time.sleep(moment)
    command.send(signal.SIGKILL)
    command.end()
    command.assert_nothing_is_left()
    go_on(start, folder, whole)


@pytest.mark.exhaustive
def test_a_killed_command_goes_on_in_the_middle_of_a_trial(start, write_study, uninterrupted, tmp_path) -> None:
    """Epochs before the checkpoint are not trained again, and keep their seconds."""
    folder = tmp_path / "run"
    command = start("--all", "--config", write_study(ARCHITECTURES, **CHANGES), "--output", folder)
    kept = folder / "checkpoints"
    command.stop_when(lambda: lines(folder) >= 3 and any(kept.glob("*.safetensors")))
    command.send(signal.SIGKILL)
    command.end()
    [checkpoint] = kept.glob("*.safetensors")
    behind = checkpoint.read_bytes()
    go_on(start, folder, uninterrupted[0])
    [record] = [record for record in journal(folder) if record.trial_id == checkpoint.stem]
    epochs = read_checkpoint(behind, record.trial_id).epochs
    assert record.epochs[: len(epochs)] == epochs  # including the seconds


@pytest.mark.parametrize(
    ("phase", "number"),
    [
        pytest.param(Phase.SEARCH, signal.SIGINT, id="ctrl-c in search", marks=pytest.mark.exhaustive),
        pytest.param(Phase.CONFIRM, signal.SIGINT, id="ctrl-c in confirm", marks=pytest.mark.exhaustive),
        pytest.param(Phase.CONFIRM, signal.SIGTERM, id="sigterm in confirm", marks=pytest.mark.exhaustive),
    ],
)
def test_an_interrupted_run_reports_what_there_is_and_goes_on(
    phase, number, start, write_study, uninterrupted, tmp_path
) -> None:
    """The command exits with 130 and prints how to resume.

    The report is partial, no process remains.
    """
    folder = tmp_path / "run"
    command = start("--all", "--config", write_study(ARCHITECTURES, **CHANGES), "--output", folder)
    command.wait_until(
        lambda: lines(folder) >= 1 and any(record.spec.phase is phase for record in journal(folder)),
    )
    command.send(number)
    assert command.end() == 130, command.stderr
    assert f"to resume: python -m harness.run --resume {folder}" in command.stderr
    assert "Traceback" not in command.stderr
    command.assert_nothing_is_left()
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert page.startswith("# Partial benchmark report")
    assert "**This report is partial.**" in page
    go_on(start, folder, uninterrupted[0])
    assert "partial" not in (folder / "report.md").read_text(encoding="utf-8").lower()


@pytest.mark.exhaustive
def test_a_second_ctrl_c_leaves_at_once_and_keeps_what_had_ended(start, write_study, tmp_path) -> None:
    """There is no report, but the journal is kept, and no process remains."""
    folder = tmp_path / "run"
    command = start("--all", "--config", write_study(ARCHITECTURES, **CHANGES), "--output", folder)
    command.wait_until(lambda: lines(folder) >= 2)
    command.send(signal.SIGINT)
    command.wait_until(lambda: not command.workers())  # the first signal has been handled
    command.send(signal.SIGINT)
    assert command.end() == 130, command.stderr
    assert not (folder / "report.md").exists()
    assert "Traceback" not in command.stderr
    assert "--resume" in command.stderr
    command.assert_nothing_is_left()
    assert len(journal(folder)) >= 2


@pytest.mark.exhaustive
def test_a_trial_that_hangs_holds_up_no_ctrl_c(start, write_study, tmp_path) -> None:
    """The command ends although a worker never responds."""
    folder = tmp_path / "run"
    study = write_study({"hangs_in_training": {"space": {"epochs": 2}}}, trial_timeout=10**7)
    command = start(
        "--all", "--config", study, "--output", folder, *own("hangs_in_training"), environment=planted(tmp_path)
    )
    command.wait_until((tmp_path / "witness").exists)
    command.send(signal.SIGINT)
    assert command.end() == 130, command.stderr
    command.assert_nothing_is_left()


@pytest.mark.exhaustive
def test_a_folder_that_is_being_run_is_refused_to_a_second_command(start, write_study, tmp_path) -> None:
    """The first command continues. After it is killed, the folder can be used again."""
    folder = tmp_path / "run"
    study = write_study({"mlp": {"space": {"epochs": 10_000, "batch_size": 8}}}, checkpoint={"every_seconds": 0})
    command = start("--all", "--config", study, "--output", folder)
    kept = folder / "checkpoints"
    command.wait_until(lambda: any(kept.glob("*.safetensors")))
    [checkpoint] = kept.glob("*.safetensors")
    second = start("--resume", folder)
    assert second.end() == 2
    assert "another process is running a study in this folder; wait until it ends, or interrupt it" in second.stderr
    then = checkpoint.read_bytes()
    command.wait_until(lambda: checkpoint.read_bytes() != then)
    command.send(signal.SIGKILL)
    command.end()
    command.assert_nothing_is_left()
    third = start("--resume", folder)
    third.wait_until(lambda: "starting trials" in third.stdout)
    third.send(signal.SIGINT)
    assert third.end() == 130


def test_a_changed_study_or_changed_code_is_refused_with_what_changed(uninterrupted, start, tmp_path) -> None:
    """Changes in study.yaml, in options and in code are refused, so that trials stay comparable."""
    folder = tmp_path / "run"
    shutil.copytree(uninterrupted[0], folder)
    asked = start("--resume", folder, "--set", "seed=7", "--set", "early_stopping.grace_epochs=2")
    assert asked.end() == 2
    assert "seed was 0 and is 7" in asked.stderr
    assert "early_stopping.grace_epochs was 1 and is 2" in asked.stderr
    study = folder / "study.yaml"
    study.write_text(study.read_text(encoding="utf-8").replace("name: digits", "name: mnist"), encoding="utf-8")
    edited = start("--resume", folder)
    assert edited.end() == 2
    assert "dataset.name was digits and is mnist" in edited.stderr
    shutil.copy(uninterrupted[0] / "study.yaml", study)
    environment = folder / "environment.json"
    written = json.loads(environment.read_text(encoding="utf-8"))
    written["code"]["advanced_mlp"] = "0" * 16
    environment.write_text(json.dumps(written), encoding="utf-8")
    other_code = start("--resume", folder)
    assert other_code.end() == 2
    assert "the code of advanced_mlp has changed" in other_code.stderr
    accepted = start("--resume", folder, "--accept-changed-code")
    assert accepted.end() == 0, accepted.stderr
    assert "changed during the run." in (folder / "report.md").read_text(encoding="utf-8")
    assert journal(folder) == journal(uninterrupted[0])


@pytest.mark.exhaustive
def test_an_enlarged_run_trains_only_what_is_new(uninterrupted, start, tmp_path) -> None:
    """A new architecture and a new learning rate are trained. No earlier trial is trained again."""
    folder = tmp_path / "run"
    shutil.copytree(uninterrupted[0], folder)
    before = journal(folder)
    rates = "architectures.mlp.space.learning_rate={grid: [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.0005]}"
    command = start("--resume", folder, "--architectures", "simple_cnn", "--set", rates)
    assert command.end() == 0, command.stderr
    after = journal(folder)
    assert after[: len(before)] == before
    new = after[len(before) :]
    assert [r.spec.hyperparameters["learning_rate"] for r in new if r.spec.architecture == "mlp"
            and r.spec.phase is Phase.SEARCH] == [0.0005]  # fmt: skip
    assert {r.spec.phase for r in new if r.spec.architecture == "simple_cnn"} == {Phase.SEARCH, Phase.CONFIRM}
    assert not [r for r in new if r.spec.architecture == "advanced_mlp" and r.spec.phase is not Phase.AUDIT]
    results = numbers(folder)
    assert {entry["name"] for entry in results["architectures"]} == {"mlp", "advanced_mlp", "simple_cnn"}
    assert all(entry["confirm"]["test_accuracy_mean"] is not None for entry in results["architectures"])
