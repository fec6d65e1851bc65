"""Tests of a machine that leaves the cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fault_runs import ROOT, journal, lines

from harness.records.trial import Status

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.exhaustive]

CLUSTER = """
import os, sys
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_health_check_initial_delay_ms"] = "0"
os.environ["RAY_health_check_period_ms"] = "1000"
os.environ["RAY_health_check_failure_threshold"] = "3"
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
node = cluster.add_node(num_cpus=1)
print("ADDRESS", cluster.address, flush=True)
for line in sys.stdin:
    if line.strip() == "remove":
        cluster.remove_node(node, allow_graceful=False)
        print("REMOVED", flush=True)
"""


def test_a_node_that_leaves_costs_only_the_trials_on_it_and_those_are_tried_again(
    start, write_study, tmp_path: Path
) -> None:
    """One of two nodes is removed in mid-run: the study ends complete on the other one."""
    folder = tmp_path / "run"
    study = write_study(
        {"mlp": {"space": {"epochs": 25, "batch_size": 8, "units": {"grid": [64, 128, 192, 256]}}}},
        resources={"cpus": 1},
        early_stopping={"grace_epochs": 25},
        checkpoint={"every_seconds": 0},
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}
    with (tmp_path / "cluster.log").open("w") as log:
        cluster = subprocess.Popen(
            [sys.executable, "-c", CLUSTER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment,
        )  # fmt: skip
    try:
        address = next(line.split()[1] for line in cluster.stdout if line.startswith("ADDRESS"))
        command = start(
            "--all", "--config", study, "--output", folder, "--address", address,
            environment={"RAY_AUTH_MODE": "token"},
        )  # fmt: skip
        command.wait_until(lambda: "starting trials in 2 slots" in command.stdout)
        # A trial of each node is under way, and has left a checkpoint.
        command.wait_until(
            lambda: lines(folder) >= 2 and len(list((folder / "checkpoints").glob("*.safetensors"))) == 2
        )
        cluster.stdin.write("remove\n")
        cluster.stdin.flush()
        assert command.end() == 0, command.stderr
        records = journal(folder)
        assert all(record.status is Status.COMPLETED for record in records)
        assert sum(record.attempts > 1 for record in records) >= 1
        assert "lost its worker and is retried" in command.stdout
        assert "partial" not in (folder / "report.md").read_text(encoding="utf-8").lower()
    finally:
        cluster.kill()
        cluster.wait()
