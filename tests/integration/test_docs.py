"""Tests of the documentation: commands, examples, links and the reference of the study."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from harness import reference

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (ROOT / "docs").glob("*.md") if "```sh\n" in path.read_text(encoding="utf-8"))
NEED_A_CLUSTER = {"cluster.md"}
ALWAYS = {"tutorial.md"}  # `make test` runs this one, and `make test-all` runs the others too
EXAMPLES = {
    "own_architecture.py": ("mnist_net", "report: "),
    "own_data.py": ("balanced", "triangle"),
    "take_it_home.py": ("predicted [", "python -m harness.predict "),
}


def sometimes(names: Iterable[str]) -> list[ParameterSet]:
    """Return parameters of a test. Those that are not always run are marked."""
    return [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.exhaustive) for name in names]


def as_a_reader() -> dict[str, str]:
    """Return an environment in which `python` is this one, with this checkout on its path."""
    binaries = str(Path(sys.executable).parent)
    return os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("name", sometimes(page.name for page in PAGES if page.name not in NEED_A_CLUSTER))
def test_every_command_of_a_page_runs(name: str, tmp_path: Path) -> None:
    """All commands of a page run in order in an empty folder."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env=as_a_reader(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    assert "Traceback" not in done.stderr


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("name", sometimes(EXAMPLES))
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
