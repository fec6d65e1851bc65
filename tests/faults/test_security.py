"""Tests of access to a local cluster, and of hostile files in run folders."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from fault_runs import ROOT

from harness.errors import RunFolderError
from harness.models.saved import load_model
from harness.runs.journal import read_journal

REFERENCE = ROOT / "reports" / "reference"


def entering(port: int, environment: dict[str, str]) -> str:
    """Try to join the cluster in a process with this environment, and return its output."""
    code = (
        "import ray\n"
        f"ray.init('127.0.0.1:{port}', _node_ip_address='127.0.0.1', log_to_driver=False)\n"
        "print('INSIDE', len(ray.nodes()), flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.ray
def test_a_local_cluster_listens_on_this_machine_alone_and_asks_for_a_token(start, write_study, tmp_path: Path) -> None:
    """All sockets listen on the loopback address, and a process without the token is refused."""
    folder = tmp_path / "run"
    study = write_study({"mlp": {"space": {"epochs": 10_000, "batch_size": 8}}})
    command = start("--all", "--config", study, "--output", folder)
    command.wait_until(lambda: bool(command.workers()))
    ours = {process.pid for process in command.processes()}
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.pid in ours
    }
    assert len(listening) >= 3
    assert {ip for ip, _ in listening} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    [gcs] = [process for process in psutil.process_iter() if process.pid in ours and process.name() == "gcs_server"]
    port = next(c.laddr.port for c in gcs.net_connections("inet") if c.status == psutil.CONN_LISTEN)
    others = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    others["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = (
        "0"  # otherwise, Ray would replace 127.0.0.1 by the address in the network
    )
    assert "INSIDE" in entering(port, others | {"RAY_AUTH_MODE": "token"}), (
        "whoever has the token must get in, or this proves nothing"
    )
    refused = entering(port, others | {"HOME": str(tmp_path), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64})
    assert "INSIDE" not in refused
    assert "InvalidAuthToken" in refused
    command.send(signal.SIGINT)
    command.end()


@pytest.mark.parametrize("name", ["../../escaped", "/etc/passwd", "a/b", "..", "", "a\\b", "x\x00y"])
def test_a_name_in_a_journal_cannot_lead_out_of_the_folder(name: str, tmp_path: Path) -> None:
    """Names of architectures are parts of file names, so invalid names in a journal are refused."""
    shutil.copy(REFERENCE / "journal.jsonl", tmp_path)
    path = tmp_path / "journal.jsonl"
    first = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    first["spec"]["architecture"] = name
    path.write_text(json.dumps(first) + "\n", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"line 1 is not a trial record \(spec.architecture"):
        read_journal(path)
    first["spec"]["architecture"], first["trial_id"] = "mlp", name
    path.write_text(json.dumps(first) + "\n", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"line 1 is not a trial record \(trial_id"):
        read_journal(path)


class Bomb:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self):
        return Path.touch, (self._path,)


def test_no_pickle_is_read_from_a_run_folder_or_a_model(tmp_path: Path) -> None:
    """Pickles instead of weights or predictions are refused and not executed."""
    witness = tmp_path / "witness"
    bomb = pickle.dumps(Bomb(witness))
    pickle.loads(bomb)
    assert witness.exists(), "the bomb must work to prove anything"
    witness.unlink()
    model = {
        "architecture": "mlp",
        "hyperparameters": {},
        "shape": [1, 8, 8],
        "classes": ["a", "b"],
        "mean": [0.1],
        "std": [0.3],
        "dataset": {"name": "digits"},
        "fingerprint": "0",
        "seed": 1,
        "precision": "fp32",
        "threads": 1,
        "test_accuracy": 0.5,
    }
    (tmp_path / "mlp.json").write_text(json.dumps(model), encoding="utf-8")
    (tmp_path / "mlp.safetensors").write_bytes(bomb)
    with pytest.raises(RunFolderError, match="cannot be loaded"):
        load_model(tmp_path / "mlp.json")
    folder = tmp_path / "run"
    shutil.copytree(REFERENCE, folder)
    [victim, *_] = sorted((folder / "predictions").glob("*seed1.npz"))
    victim.write_bytes(bomb)
    done = subprocess.run(
        [sys.executable, "-m", "harness.report", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert not witness.exists()


def test_a_report_of_a_hostile_folder_writes_inside_it_alone(tmp_path: Path) -> None:
    """Markup in names, reasons and descriptions is shown as text, and no other file is created."""
    folder = tmp_path / "a" / "run"
    shutil.copytree(REFERENCE, folder)
    hostile = "../../x <script>alert(1)</script> ](javascript:alert(1)) | `rm -rf ~` \u202e"
    study = (folder / "study.yaml").read_text(encoding="utf-8")
    described = re.sub(r"description: .*", lambda _: f"description: {json.dumps(hostile)}", study)
    (folder / "study.yaml").write_text(described, encoding="utf-8")
    records = [json.loads(line) for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    for record in records:
        if record["placement"]:
            record["placement"]["node"] = hostile
    search = next(r for r in records if r["status"] == "stopped_early")
    search["status"], search["reason"] = "failed", hostile
    text = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "journal.jsonl").write_text(text, encoding="utf-8")
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    environment["command"] = environment["hardware"]["cpu"] = environment["dataset"]["source"] = hostile
    (folder / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    outside = sorted(path for path in tmp_path.rglob("*") if folder not in path.parents)
    done = subprocess.run(
        [sys.executable, "-m", "harness.report", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path for path in tmp_path.rglob("*") if folder not in path.parents) == outside
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert 'href="javascript' not in html
    assert html.count("<script") == 1
