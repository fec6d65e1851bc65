"""Tests of a study on several machines."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from fault_runs import journal, lines
from machines import can_pretend, machines

from harness.records.trial import Phase, Status, TrialRecord

OWN = Path(__file__).parents[2] / "examples" / "mnist_net.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ray,
    pytest.mark.skipif(not can_pretend(), reason="this user may not make network namespaces to pretend machines with"),
]


def test_a_study_runs_on_machines_that_know_nothing_of_it(start, tmp_path: Path) -> None:
    """Machines without this checkout train trials, and only this machine has the run folder.

    Some trials have an architecture of a user, from a file that no other machine has.
    """
    folder = tmp_path / "run"
    two = ["--architectures", "lenet5", "--architecture", OWN]
    with machines(tmp_path, cpus=(1, 1)) as cluster:
        command = start(
            *two, "--config", "smoke", "--set", "architectures.mnist_net.space.epochs=2",
            "--output", folder, "--address", cluster.address,
            environment=cluster.environment,
        )  # fmt: skip
        assert command.end() == 0, command.stderr
        left = [path for worker in cluster.workers for path in (tmp_path / worker.name).rglob("*")]
        names = {worker.name for worker in cluster.workers}
    assert left == []
    records = journal(folder)
    assert nodes(records) == names
    assert all(record.status is not Status.FAILED for record in records)
    assert sum(record.spec.phase is Phase.CONFIRM for record in records) >= 4
    assert {record.status for record in records if record.spec.architecture == "mnist_net"} == {Status.COMPLETED}
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    assert environment["slots"] == 2
    assert not environment["interrupted"]


@pytest.mark.exhaustive
def test_a_machine_joins_and_another_dies(start, write_study, tmp_path: Path) -> None:
    """A machine that joins gets trials. If a machine is lost, its trials are retried."""
    folder = tmp_path / "run"
    study = write_study(
        {"mlp": {"space": {"epochs": 30, "batch_size": 2, "learning_rate": {"grid": [0.001, 0.002, 0.003, 0.004]}}}},
        resources={"cpus": 1},
        confirm={"seeds": 4},
        checkpoint={"every_seconds": 0},
        early_stopping={"grace_epochs": 30},
    )
    with machines(tmp_path, cpus=(1,)) as cluster:
        [first] = cluster.workers
        command = start(
            "--all", "--config", study, "--output", folder, "--address", cluster.address,
            environment=cluster.environment,
        )  # fmt: skip
        command.wait_until(lambda: lines(folder) >= 1)
        second = cluster.add(cpus=1)
        command.wait_until(lambda: second.name in nodes(journal(folder)))
        first.die()
        died = time.time()
        assert command.end() == 0, command.stderr
    records = journal(folder)
    assert all(record.status is not Status.FAILED for record in records)
    assert sum(record.spec.phase is Phase.CONFIRM for record in records) == 4
    assert nodes([record for record in records if record.ended_at > died]) == {second.name}
    assert (folder / "report.md").is_file()
    assert not json.loads((folder / "environment.json").read_text(encoding="utf-8"))["interrupted"]


def nodes(records: Sequence[TrialRecord]) -> set[str]:
    """Return the names of the machines that trained these trials."""
    return {record.placement.node for record in records if record.placement is not None}
