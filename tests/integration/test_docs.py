"""Tests of the documentation: commands, examples, links and the reference of the study."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from harness import reference
from harness.__main__ import app

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (ROOT / "docs").glob("*.md") if "```sh\n" in path.read_text(encoding="utf-8"))
NEED_A_CLUSTER = {"cluster.md"}
EXAMPLES = {
    "own_architecture.py": ("mnist_net", "report: "),
    "own_data.py": ("balanced", "triangle"),
    "take_it_home.py": ("predicted [", "python -m harness.predict "),
}


def shell_blocks(page: Path) -> list[str]:
    """Return the blocks of shell commands of a page."""
    return re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def harness_commands(page: Path) -> list[list[str]]:
    """Return the words after `python -m harness.` of each command of a page."""
    lines = re.sub(r"\\\n", " ", "\n".join(shell_blocks(page))).splitlines()
    return [
        shlex.split(line.partition("python -m harness.")[2], comments=True)
        for line in lines
        if "python -m harness." in line
    ]


def as_a_reader() -> dict[str, str]:
    """Return an environment in which `python` is this one, with this checkout on its path."""
    binaries = str(Path(sys.executable).parent)
    return os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_command_of_a_page_has_options_that_exist(page: Path) -> None:
    """The command line accepts name, options and number of arguments of each command."""
    commands = harness_commands(page)
    known = typer.main.get_command(app).commands
    assert commands
    for name, *arguments in commands:
        known[name].make_context(name, arguments)


@pytest.mark.exhaustive
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in NEED_A_CLUSTER], ids=lambda page: page.name
)
def test_every_command_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """All commands of a page run in order in an empty folder."""
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(shell_blocks(page))],
        cwd=tmp_path,
        env=as_a_reader(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    assert "Traceback" not in done.stderr


@pytest.mark.exhaustive
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_runs(name: str, tmp_path: Path) -> None:
    """Each example runs, prints the documented text and writes a report."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), str(tmp_path / "run")],
        cwd=tmp_path,
        env=as_a_reader(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert [text for text in EXAMPLES[name] if text not in done.stdout] == []
    assert (tmp_path / "run" / "report.html").is_file()


def test_there_is_an_example_for_each_story() -> None:
    """Every script in examples/ is tested, except for the architecture that they use."""
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == {*EXAMPLES, "mnist_net.py"}
    assert len((ROOT / "examples" / "mnist_net.py").read_text(encoding="utf-8").splitlines()) <= 25


def test_the_reference_of_the_study_is_that_of_the_types() -> None:
    """docs/study.md equals the output of `python -m harness.reference`."""
    assert (ROOT / "docs" / "study.md").read_text(encoding="utf-8") == reference.page()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """Every relative link of a page leads to an existing file."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
