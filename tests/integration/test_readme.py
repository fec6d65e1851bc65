"""Tests of the README: its commands run, and its numbers come from published results."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import harness
from tabulate import tabulate

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = ROOT / "reports" / "reference"
COMMANDS = [
    line.partition("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
]
DRY = [command for command in COMMANDS if command.startswith("python -m harness.run") and "--resume" not in command]


def reference_table() -> str:
    """Create the table of accuracies from the results of the published run."""
    results = json.loads((REFERENCE / "results.json").read_text(encoding="utf-8"))
    rows = []
    for entry in sorted(results["architectures"], key=lambda e: -e["confirm"]["test_accuracy_mean"]):
        confirm = entry["confirm"]
        low, high = confirm["test_accuracy_ci95"]
        baseline = entry["baseline_accuracy"]
        rows.append(
            [
                f"`{entry['name']}`",
                f"{100 * confirm['test_accuracy_mean']:.2f} ± {100 * confirm['test_accuracy_std']:.2f}",
                f"{100 * low:.2f}–{100 * high:.2f}",
                entry["group"],
                len(confirm["seeds"]),
                "–" if baseline is None else f"{100 * baseline:.2f}",
                f"{entry['parameters']:,}",
                f"{entry['cost']['train_seconds']:.0f}",
                f"{1000 * entry['cost']['latency_seconds']['median']:.2f}",
            ]
        )
    headers = [
        "architecture",
        "test accuracy (%)",
        "95 % interval",
        "group",
        "seeds",
        "predecessor (%)",
        "parameters",
        "training (s)",
        "latency (ms)",
    ]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def test_its_numbers_are_those_of_the_published_run() -> None:
    """The table of accuracies equals the one created from reports/reference/results.json."""
    written = README.split("<!-- reference:begin -->\n")[1].split("<!-- reference:end -->")[0].strip()
    assert written.startswith(reference_table())


Tables = list[list[dict[str, object]]]


def epoch_rows(tables: Tables) -> list[list[str]]:
    """Return the rows on epochs, compared with a `DataLoader` loop and with the limit."""
    against, limit = tables
    listed = {
        "training speed compared with a common `DataLoader` loop, both with batch size 64": (
            "ratio at batch 64",
            against,
            "x",
        ),
        "the same, but the harness uses the batch size of the study": ("ratio at study's batch", against, "x"),
        "training speed as a fraction of the upper limit (the same batch in every step)": ("engine / limit", limit, ""),
    }
    return [
        [what, ", ".join(f"{row['architecture']} {row[column]}{unit}" for row in table)]
        for what, (column, table, unit) in listed.items()
    ]


def alternatives_rows(tables: Tables) -> list[list[str]]:
    """Return the rows on alternatives that a user could run instead."""
    _, example, optuna = tables[0]
    named = (("Ray Tune's `mnist_pytorch` example", example), ("Optuna in two processes", optuna))
    return [
        [
            f"search over 30 configurations of LeNet-5, compared with {name}",
            f"{row['ratio until all is done']}x until the end, "
            f"{row['ratio until 98.5 %']}x until 98.5 % validation accuracy",
        ]
        for name, row in named
    ]


def search_rows(tables: Tables) -> list[list[str]]:
    """Return the row on the epochs that early stopping saves and the accuracy that it costs."""
    mean = tables[0][-1]
    early = f"{mean['share (%)']} % of the epochs, test accuracy {mean['difference (points)']:+} percentage points"
    return [["early stopping on the MLP grid, compared with the full grid (mean of three seeds)", early]]


def orchestration_rows(tables: Tables) -> list[list[str]]:
    """Return the rows on the costs of a trial other than its training."""
    listed = {
        "milliseconds a trial": "time per trial with almost no training (ms, median)",
        "start-up (s)": "time from the command to the first training step (s, median)",
    }
    return [[listed[str(row["measured"])], f"{row['median']}"] for row in tables[0]]


def memory_rows(tables: Tables) -> list[list[str]]:
    """Return the row on the worker that uses the most memory."""
    most = max(int(row["peak beyond that (MiB)"]) for row in tables[0])
    return [["largest memory use of a worker, in addition to imported torch", f"{most} MiB"]]


SPEEDS = {
    "epoch": epoch_rows,
    "alternatives": alternatives_rows,
    "search": search_rows,
    "orchestration": orchestration_rows,
    "memory": memory_rows,
}


def speed_table() -> str:
    """Create the table of speeds from the committed results of the benchmarks."""
    rows: list[list[str]] = []
    for name, rows_of in SPEEDS.items():
        path = ROOT / "benchmarks" / "results" / f"{name}.json"
        if path.is_file():
            rows += rows_of(list(json.loads(path.read_text(encoding="utf-8"))["tables"].values()))
    return tabulate(rows, ["measurement (two cores, no GPU)", "result"], tablefmt="github", disable_numparse=True)


def test_its_speeds_are_those_of_the_committed_benchmarks() -> None:
    """The table of speeds equals the one created from benchmarks/results."""
    written = README.split("<!-- speed:begin -->\n")[1].split("<!-- speed:end -->")[0].strip()
    assert written == speed_table()


def test_it_names_the_two_commands_that_the_makefile_has() -> None:
    """`make run` and `make test` start the documented commands."""
    assert [command.split() for command in COMMANDS[:2]] == [["make", "run"], ["make", "test"]]
    for target, does in (("run", "-m harness.run --all"), ("test", "-m pytest")):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True)
        assert does in done.stdout


@pytest.mark.parametrize("command", DRY)
def test_each_run_command_is_accepted(command: str) -> None:
    """Every run command gives a plan. Other tests run small studies."""
    _, _, _, *arguments = shlex.split(command)  # python -m harness.run
    extra = [] if "--list" in arguments or "--dry-run" in arguments else ["--dry-run"]
    done = harness("run", *arguments, *extra, folder=ROOT)
    assert done.exit_code == 0, done.stderr
    assert "lenet5" in done.stdout


def test_the_published_report_can_be_rebuilt(tmp_path: Path) -> None:
    """A rebuilt report of the committed run folder is identical and has the same figures."""
    copy = tmp_path / "reference"
    tracked = subprocess.run(
        ["git", "ls-files", "reports/reference"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    for name in tracked:
        target = tmp_path / Path(name).relative_to("reports")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    done = subprocess.run(
        [sys.executable, "-m", "harness.report", str(copy)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in ("report.md", "results.json", "trials.csv", "epochs.csv"):
        assert (copy / name).read_bytes() == (REFERENCE / name).read_bytes(), name
    figures = {path.name for path in (copy / "figures").iterdir()}
    assert figures == {path.name for path in (REFERENCE / "figures").iterdir()}


@pytest.mark.parametrize("page", ["README.md", "reports/reference/report.md"])
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    """Every relative link of the pages leads to an existing file."""
    path = ROOT / page
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_published_run_has_no_path_of_a_machine() -> None:
    """Published files contain names of nodes and no paths of a machine."""
    for name in ("environment.json", "study.yaml", "report.md", "results.json"):
        assert not re.search(r"/(home|root|work|tmp|Users)/", (REFERENCE / name).read_text(encoding="utf-8")), name
