"""Tests of the commands as a user types them, on MNIST."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import assert_refused, harness

from harness.records.trial import Phase, Status
from harness.runs.journal import read_journal

ROOT = Path(__file__).parents[2]
DIGITS = "name: digits\ndataset: {name: digits, validation_size: 300}\nconfirm: {seeds: 1}\narchitectures:\n"


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m harness.run` in a new process."""
    return subprocess.run(
        [sys.executable, "-m", "harness.run", *arguments], capture_output=True, text=True, check=False
    )


def interrupt(folder: Path, study: Path, trials: int) -> str:
    """Run a study, send SIGINT after this number of trials, and return the text on stderr."""
    command = [sys.executable, "-m", "harness.run", "--all", "--config", str(study), "--output", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    journal = folder / "journal.jsonl"
    try:
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= trials):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 130, stderr
    return stderr


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory) -> Path:
    """A run of two architectures of the smoke study, started by the command."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    done = process(
        "--architectures", "lenet5", "mlp", "--config", "smoke", "--output", str(folder),
        "--set", "architectures.mlp.space.units={grid: [32, 128]}", "--seeds", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "ray" not in done.stdout.lower().replace("grayscale", "")
    assert str(folder / "report.md") in done.stdout
    return folder


@pytest.mark.ray
@pytest.mark.network
@pytest.mark.slow
class TestARun:
    """Tests of one finished run."""

    def test_the_folder_keeps_its_contract(self, run_dir: Path) -> None:
        """Every file of the run folder exists and has the documented content."""
        for name in ("report.md", "study.yaml", "environment.json", "trials.csv", "epochs.csv", "journal.jsonl"):
            assert (run_dir / name).stat().st_size > 0
        results = json.loads((run_dir / "results.json").read_text(encoding="utf-8"))
        assert results["schema_version"] == 1
        assert {entry["name"] for entry in results["architectures"]} == {"lenet5", "mlp"}
        for entry in results["architectures"]:
            accuracies = [seed["test_accuracy"] for seed in entry["confirm"]["seeds"]]
            assert entry["confirm"]["test_accuracy_mean"] == pytest.approx(np.mean(accuracies))
            assert np.sum(entry["confusion_matrix"]) == 10_000
            assert np.trace(entry["confusion_matrix"]) / 10_000 == pytest.approx(accuracies[0])
            assert (run_dir / "figures" / f"confusion_matrix_{entry['name']}.png").is_file()
            for seed in (1, 2):
                with np.load(run_dir / "predictions" / f"{entry['name']}-seed{seed}.npz") as file:
                    assert file["labels"].shape == (10_000,)
                    assert file["probabilities"].shape == (10_000, 10)
                    assert file["probabilities"].dtype == np.float32

    def test_what_it_measured_is_plausible(self, run_dir: Path) -> None:
        """Both architectures reach more than 80 % with 5,000 images of MNIST."""
        results = json.loads((run_dir / "results.json").read_text(encoding="utf-8"))
        assert all(entry["confirm"]["test_accuracy_mean"] > 0.8 for entry in results["architectures"])
        assert results["dataset"]["test"] == 10_000

    def test_tables_and_journal_tell_one_story(self, run_dir: Path) -> None:
        """Tables have a row per trial and per epoch of the journal, for every status."""
        records = read_journal(run_dir / "journal.jsonl")
        trials, epochs = pd.read_csv(run_dir / "trials.csv"), pd.read_csv(run_dir / "epochs.csv")
        assert set(trials.trial_id) == {record.trial_id for record in records}
        phases = Counter(record.spec.phase for record in records)
        stopped = sum(record.status is Status.STOPPED_EARLY for record in records)
        assert (phases[Phase.SEARCH], phases[Phase.AUDIT]) == (2 + 13, min(2, stopped))
        assert 4 <= phases[Phase.CONFIRM] <= 6  # plus one for each default configuration that was not selected
        assert len(trials) == len(records) == phases.total()
        assert len(epochs) == sum(len(record.epochs) for record in records)
        # The default MLP has 256 units, and the grid has 32 and 128.
        assert (trials.status == "stopped_early").any()
        assert {"train_images", "train_seconds", "validation_seconds"} <= set(epochs.columns)

    def test_only_confirm_trials_have_seen_the_test_split(self, run_dir: Path) -> None:
        """Only completed confirm trials have a test accuracy, on all 10,000 images."""
        for record in read_journal(run_dir / "journal.jsonl"):
            confirmed = record.spec.phase is Phase.CONFIRM and record.status is Status.COMPLETED
            assert (record.test is not None) == confirmed
            assert record.test is None or record.test.images == 10_000

    def test_a_saved_model_measures_as_the_report_says(self, run_dir: Path, tmp_path: Path) -> None:
        """harness.evaluate prints exactly the accuracy and the confusion matrix of the report."""
        figure = tmp_path / "matrix.png"
        done = harness("evaluate", str(run_dir / "models" / "lenet5.json"), "--output", str(figure))
        assert done.exit_code == 0, done.stderr
        results = json.loads((run_dir / "results.json").read_text(encoding="utf-8"))
        (entry,) = (entry for entry in results["architectures"] if entry["name"] == "lenet5")
        accuracy = entry["confirm"]["seeds"][0]["test_accuracy"]
        assert f"accuracy {accuracy:.2%}" in done.stdout
        counts = [
            [int(n) for n in re.findall(r"\d+", line.replace(" . ", " 0 "))]
            for line in done.stdout.splitlines()
            if line.startswith("│ ") and line.count("│") == 12
        ]
        printed = [row[1:] for row in counts if len(row) == 11]
        assert printed == entry["confusion_matrix"]
        assert figure.read_bytes().startswith(b"\x89PNG")

    def test_a_report_is_rebuilt_from_the_folder_alone(self, run_dir: Path) -> None:
        """A rebuilt report has the same page, results and tables."""
        before = {name: (run_dir / name).read_bytes() for name in ("report.md", "results.json", "trials.csv")}
        (run_dir / "report.md").unlink()
        done = harness("report", str(run_dir))
        assert done.exit_code == 0, done.stderr
        assert {name: (run_dir / name).read_bytes() for name in before} == before

    def test_a_finished_run_has_nothing_to_resume(self, run_dir: Path) -> None:
        """Resuming a finished run trains nothing and does not change the journal."""
        before = (run_dir / "journal.jsonl").read_bytes()
        done = harness("run", "--resume", str(run_dir))
        assert done.exit_code == 0, done.stderr
        assert (run_dir / "journal.jsonl").read_bytes() == before


@pytest.mark.ray
@pytest.mark.network
@pytest.mark.slow
def test_an_interrupted_run_keeps_what_it_has_and_can_be_resumed(tmp_path: Path) -> None:
    """Ctrl-C writes a partial report and exits with 130.

    --resume trains only the remaining trials.
    """
    folder = tmp_path / "run"
    study = tmp_path / "study.yaml"
    study.write_text(
        DIGITS + "  mlp: {space: {epochs: 40, learning_rate: {grid: [0.001, 0.002, 0.003, 0.004, 0.005, 0.006]}}}\n",
        encoding="utf-8",
    )
    assert f"harness.run --resume {folder}" in interrupt(folder, study, trials=2)
    journal = folder / "journal.jsonl"
    kept = read_journal(journal)
    assert 2 <= len(kept) < 7
    assert "partial" in (folder / "report.md").read_text(encoding="utf-8").lower()
    done = process("--resume", str(folder))
    assert done.returncode == 0, done.stderr
    records = read_journal(journal)
    assert records[: len(kept)] == kept
    assert len({record.trial_id for record in records}) == len(records) == 7
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    assert "--resume" not in environment["command"]
    assert len(environment["resumed_at"]) == 1
    timeline = environment["timeline"]
    assert max(record.ended_at for record in kept) < timeline["first_step"] < time.time()
    assert timeline["command_started"] < timeline["first_step"]
    assert "partial" not in (folder / "report.md").read_text(encoding="utf-8").lower()


@pytest.mark.ray
def test_a_running_cluster_is_joined_and_left_running(tmp_path: Path) -> None:
    """--address runs the study on an existing cluster and does not stop it."""
    study, folder = tmp_path / "study.yaml", tmp_path / "run"
    study.write_text(DIGITS + "  mlp: {space: {epochs: 2}}\n", encoding="utf-8")
    code = (
        "import ray, sys\n"
        "ray.init(address='local', include_dashboard=False, num_cpus=2, _node_ip_address='127.0.0.1')\n"
        "print('ADDRESS', ray.get_runtime_context().gcs_address, flush=True)\n"
        "sys.stdin.read()\n"
        "print('ALIVE', sum(node['Alive'] for node in ray.nodes()), flush=True)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    cluster = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        address = next(line.split()[1] for line in cluster.stdout if line.startswith("ADDRESS"))
        done = subprocess.run(
            [sys.executable, "-m", "harness.run", "--all", "--config", str(study), "--output", str(folder),
             "--address", address],
            capture_output=True, text=True, check=False, env=os.environ | {"RAY_AUTH_MODE": "token"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        left, _ = cluster.communicate("")
        assert "ALIVE 1" in left
    finally:
        cluster.kill()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--architectures", "lenet"], "unknown architecture 'lenet'; did you mean 'lenet5'?"),
        (["--all", "--config", "defualt"], "no study or file of this name"),
        (["--all", "--set", "confirm.sedes=3"], "confirm.sedes: unknown key; did you mean 'seeds'?"),
        (["--all", "--set", "architectures.mlp.space.unit=3"], "did you mean 'units'?"),
        (["--all", "--set", "architectures.mlp.space.units={grid: []}"], "the search space is empty"),
        (["--all", "--seeds", "0"], "confirm.seeds: invalid value 0"),
        (["--all", "mlp"], "--all already includes every architecture; remove --all, or remove mlp"),
        (["--all", "--data-dir", "{full}/nothing"], "the folder does not exist"),
        ([], "no architecture given; use --all, --architectures NAME..."),
        (["--all", "--output", "{full}"], "exists and is not empty"),
        (["--all", "--output", "{file}/run"], "cannot be written"),
        (["--all", "--resume", "{full}"], "there is no study.yaml"),
        (["--all", "--data-dir", "{corrupt}"], "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        (["--all", "--config", "{digits}"], "validation_size"),
        (["--all", "--output", "{new}", "--address", "127.0.0.1:9"], "no Ray cluster found at this address"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(arguments, said, tmp_path: Path) -> None:
    """The error says without a traceback what is wrong, where, and what to do."""
    full, corrupt, file = tmp_path / "full", tmp_path / "corrupt", tmp_path / "file"
    full.mkdir()
    (full / "something").touch()
    file.touch()
    corrupt.mkdir()
    (corrupt / "train-images-idx3-ubyte").write_bytes(b"\x00\x00\x08\x03truncated")
    digits = tmp_path / "digits.yaml"
    digits.write_text(
        "name: d\ndataset: {name: digits, validation_size: 5000}\narchitectures: {mlp: {}}\n", encoding="utf-8"
    )
    places = {"new": tmp_path / "new", "full": full, "file": file, "corrupt": corrupt, "digits": digits}
    typed = [argument.format(**places) if argument.startswith("{") else argument for argument in arguments]
    assert_refused(harness("run", *typed), said)


def test_plan_and_list_run_nothing(tmp_path: Path) -> None:
    """--dry-run prints trials and epochs and creates no folder.

    --list prints every architecture.
    """
    done = harness("run", "--all", "--config", "smoke", "--dry-run", "--output", str(tmp_path / "run"))
    assert done.exit_code == 0
    assert re.search(r"mlp\D+13\D+2 to 3\D+48", done.stdout)
    assert re.search(r"audit\D+2 again\D+6", done.stdout)
    assert not (tmp_path / "run").exists()
    listed = harness("run", "--list")
    assert listed.exit_code == 0
    assert "61,706" in listed.stdout


@pytest.mark.ray
def test_an_early_interruption_leaves_a_folder_that_can_be_resumed(tmp_path: Path) -> None:
    """Ctrl-C while Ray starts keeps the study and an empty journal, which can be resumed."""
    study, folder = tmp_path / "study.yaml", tmp_path / "run"
    study.write_text(DIGITS + "  mlp: {space: {epochs: 2}}\n", encoding="utf-8")
    assert "Traceback" not in interrupt(folder, study, trials=0)
    assert read_journal(folder / "journal.jsonl") == ()
    done = harness("run", "--resume", folder, "--dry-run")
    assert done.exit_code == 0, done.stderr
