"""Tests of workers that die, hang or use all memory."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import psutil
import pytest
from fault_runs import STEPS, journal, lines, own, planted
from patience import patience

from harness.records.trial import Status

pytestmark = [pytest.mark.slow, pytest.mark.ray]

BATCHES = {"batch_size": 32}  # 960 images: STEPS steps
assert STEPS * BATCHES["batch_size"] == 960


def test_a_trial_whose_worker_is_killed_is_tried_again(start, write_study, tmp_path: Path) -> None:
    """After kill -9 of a worker, a message says so, and its trial completes in a second attempt."""
    folder, paused = tmp_path / "run", tmp_path / "witness"
    study = write_study({"pauses": {"space": {"epochs": 3} | BATCHES}}, confirm={"seeds": 1})
    command = start("--all", "--config", study, "--output", folder, *own("pauses"), environment=planted(tmp_path))
    command.wait_until(paused.exists)
    paused.unlink()
    command.wait_until(lambda: lines(folder) == 1 and paused.exists())  # the confirm trial
    for worker in command.workers():
        with contextlib.suppress(psutil.NoSuchProcess):  # a worker of the search trial may be ending
            worker.kill()
    paused.unlink()
    command.wait_until(paused.exists)  # the second attempt
    paused.unlink()
    assert command.end() == 0, command.stderr
    assert "lost its worker and is retried: its process was killed or crashed" in (command.stdout)
    search, confirm = journal(folder)
    assert (search.status, confirm.status) == (Status.COMPLETED, Status.COMPLETED)
    assert (search.attempts, confirm.attempts) == (1, 2)
    assert len(confirm.epochs) == 3


@pytest.mark.exhaustive
def test_a_trial_goes_on_from_its_checkpoint_in_another_worker(start, write_study, tmp_path: Path) -> None:
    """Epochs before the worker died are not trained again, and each epoch is recorded once."""
    folder = tmp_path / "run"
    study = write_study(
        {"kills_its_worker_once": {"space": {"epochs": 3} | BATCHES}},
        confirm={"seeds": 1},
        checkpoint={"every_seconds": 0},
    )
    command = start(
        "--all", "--config", study, "--output", folder, *own("kills_its_worker_once"), environment=planted(tmp_path)
    )
    assert command.end() == 0, command.stderr
    search, confirm = journal(folder)
    assert (search.attempts, confirm.attempts) == (2, 1)
    assert [epoch.epoch for epoch in search.epochs] == [1, 2, 3]
    assert "kills_its_worker_once search trial" in command.stdout


@pytest.mark.exhaustive
def test_trials_that_always_lose_their_worker_fail_with_the_reason_and_the_rest_goes_on(
    start, write_study, tmp_path: Path
) -> None:
    """A trial fails after three lost workers. The other architecture is reported, exit code 3."""
    folder = tmp_path / "run"
    study = write_study({"kills_its_worker": {"space": {"epochs": 2} | BATCHES}, "mlp": {"space": {"epochs": 2}}})
    command = start(
        "--all", "--config", study, "--output", folder, *own("kills_its_worker"), environment=planted(tmp_path)
    )
    assert command.end() == 3, command.stderr
    assert "no result for kills_its_worker" in command.stderr
    [failed] = [record for record in journal(folder) if record.status is Status.FAILED]
    assert failed.attempts == 3
    assert failed.reason == "each of its 3 workers died; the last one: its process was killed or crashed"
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert "each of its 3 workers died" in page
    assert sum(r.test is not None for r in journal(folder) if r.spec.architecture == "mlp") == 2
    again = start(
        "--resume",
        folder,
        "--retry-failed",
        "--set",
        "max_failures=0",
        *own("kills_its_worker"),
        environment=planted(tmp_path),
    )
    assert again.end() == 3
    assert journal(folder)[-1].reason.startswith("its worker died: ")


@pytest.mark.exhaustive
@pytest.mark.parametrize("architecture", ["hangs_in_training", "hangs_in_build"])
def test_a_trial_that_hangs_is_ended_after_trial_timeout_and_recorded(
    architecture, start, write_study, tmp_path: Path
) -> None:
    """The trial is not retried, because it would hang again. The other architecture is reported."""
    folder = tmp_path / "run"
    limit = math.ceil(patience(15))  # a healthy trial imports torch and trains an epoch in this time
    study = write_study(
        {architecture: {"space": {"epochs": 2} | BATCHES}, "mlp": {"space": {"epochs": 2}}}, trial_timeout=limit
    )
    environment = planted(tmp_path)
    command = start("--all", "--config", study, "--output", folder, *own(architecture), environment=environment)
    assert command.end() == 3, command.stderr
    [failed] = [record for record in journal(folder) if record.status is Status.FAILED]
    assert failed.spec.architecture == architecture
    assert failed.attempts == 1
    assert f"seconds without a message; trial_timeout is {limit} seconds" in failed.reason
    assert f"trial\\_timeout is {limit} seconds" in (folder / "report.md").read_text(encoding="utf-8").replace(
        "trial_timeout", "trial\\_timeout"
    )
    command.assert_nothing_is_left()


@pytest.mark.exhaustive
def test_a_trial_that_eats_the_memory_is_ended_and_named(start, write_study, tmp_path: Path) -> None:
    """Ray kills the worker, the record has the reason, and the other architecture is reported."""
    folder = tmp_path / "run"
    memory = psutil.virtual_memory()
    share = (memory.total - memory.available + 4 * 2**30) / memory.total
    if share > 0.9:
        pytest.skip("less than 4 GiB of memory are free: nothing could be told from a trial that takes them")
    study = write_study(
        {"eats_memory": {"space": {"epochs": 50} | BATCHES}, "mlp": {"space": {"epochs": 2}}}, max_failures=0
    )
    environment = planted(tmp_path) | {
        "RAY_memory_usage_threshold": f"{share:.3f}",
        "RAY_memory_monitor_refresh_ms": "100",
    }
    command = start("--all", "--config", study, "--output", folder, *own("eats_memory"), environment=environment)
    assert command.end() == 3, command.stderr
    [failed] = [record for record in journal(folder) if record.status is Status.FAILED]
    assert (
        failed.reason == "its worker died: the machine ran out of memory, and the worker that used the most was killed"
    )
    assert sum(r.test is not None for r in journal(folder)) == 2
