"""Tests of faults of confirm trials that several workers train together."""

from __future__ import annotations

import math
import signal
from pathlib import Path
from typing import Any

import pytest
from fault_runs import journal, lines, own, planted
from patience import patience

from harness.records.trial import Phase, Status, TrialRecord

pytestmark = [pytest.mark.slow, pytest.mark.ray]

SPACE = {"space": {"epochs": 2, "batch_size": 32}}  # 960 images are the planted STEPS of an epoch
TWO_WORKERS: dict[str, Any] = {"resources": {"cpus": 1}, "confirm": {"seeds": 1, "workers": 2}}


def confirmed(folder: Path) -> dict[str, TrialRecord]:
    """Return the confirm trial of every architecture. Each architecture has one seed."""
    return {record.spec.architecture: record for record in journal(folder) if record.spec.phase is Phase.CONFIRM}


def test_a_worker_that_dies_costs_an_attempt_and_one_that_raises_the_trial(start, write_study, tmp_path: Path) -> None:
    """If a worker dies, all workers start again. If the model raises, the trial fails at once."""
    folder = tmp_path / "run"
    names = ("dies_in_second_worker", "raises_in_second_worker")
    study = write_study(dict.fromkeys(names, SPACE), max_failures=1, **TWO_WORKERS)
    planted_ones = own(*names)
    command = start("--all", "--config", study, "--output", folder, *planted_ones, environment=planted(tmp_path))
    assert command.end() == 3, command.stderr
    assert "no result for dies_in_second_worker" in command.stderr
    died, raised = (confirmed(folder)[name] for name in names)
    assert (died.status, died.attempts, len(died.epochs)) == (Status.FAILED, 2, 1)
    killed = "its process was killed or crashed"
    assert died.reason == f"each of its 2 workers died; the last one: {killed}"
    assert f"lost its worker and is retried: {killed}" in command.stdout
    assert (raised.status, raised.attempts, len(raised.epochs)) == (Status.FAILED, 1, 1)
    assert raised.reason == "ArithmeticError: planted in the second worker"
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert "planted in the second worker" in page
    assert "each of its 2 workers died" in page
    command.assert_nothing_is_left()


@pytest.mark.exhaustive
def test_ctrl_c_ends_all_workers_and_leaves_a_partial_report(start, write_study, tmp_path: Path) -> None:
    """The search is reported, the exit code is 130, and no process remains."""
    folder, paused = tmp_path / "run", tmp_path / "witness"
    command = start(
        *("--all", "--config", write_study({"pauses": SPACE}, **TWO_WORKERS), "--output", folder),
        *own("pauses"),
        environment=planted(tmp_path),
    )
    command.wait_until(paused.exists)
    paused.unlink()
    command.wait_until(lambda: lines(folder) == 1 and paused.exists())  # the confirm trial, in its second epoch
    command.send(signal.SIGINT)
    assert command.end() == 130, command.stderr
    assert f"to resume: python -m harness.run --resume {folder}" in command.stderr
    assert "Traceback" not in command.stderr
    command.assert_nothing_is_left()
    assert (folder / "report.md").read_text(encoding="utf-8").startswith("# Partial benchmark report")
    assert [record.spec.phase for record in journal(folder)] == [Phase.SEARCH]


@pytest.mark.exhaustive
def test_a_worker_that_hangs_is_ended_after_trial_timeout_with_all_others(start, write_study, tmp_path: Path) -> None:
    """The trial fails in its first attempt, and the other architecture is reported."""
    folder = tmp_path / "run"
    limit = math.ceil(patience(30))  # a healthy worker imports torch and trains an epoch in this time
    study = write_study(dict.fromkeys(("hangs_in_second_worker", "mlp"), SPACE), trial_timeout=limit, **TWO_WORKERS)
    command = start(
        "--all", "--config", study, "--output", folder, *own("hangs_in_second_worker"), environment=planted(tmp_path)
    )
    assert command.end() == 3, command.stderr
    hung, completed = (confirmed(folder)[name] for name in ("hangs_in_second_worker", "mlp"))
    assert (hung.status, hung.attempts, len(hung.epochs)) == (Status.FAILED, 1, 1)
    assert f"seconds without a message; trial_timeout is {limit} seconds" in hung.reason
    assert completed.test is not None
    command.assert_nothing_is_left()
