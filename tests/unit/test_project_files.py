"""Tests that licence, citation, Dockerfile, workflow, lock file and site agree with each other."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from ruamel.yaml import YAML

import architectures
import harness
from harness.version import __version__

ROOT = Path(__file__).parents[2]
HOLDER = "The authors of the image classifier benchmark harness"


def text(name: str) -> str:
    """Return the text of a file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def yaml(name: str) -> Any:
    """Parse a YAML 1.2 file of the project. Duplicate keys are errors."""
    return YAML(typ="safe").load(text(name))


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The table `project` of pyproject.toml."""
    return tomllib.loads(text("pyproject.toml"))["project"]


def instructions() -> Iterator[tuple[str, str]]:
    """Yield keyword and arguments of each Dockerfile instruction. Continued lines are joined."""
    joined = re.sub(r"^#.*\n", "", text("Dockerfile"), flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(None, map(str.strip, joined.splitlines())):
        keyword, _, arguments = line.partition(" ")
        yield keyword, arguments


def arguments(keyword: str) -> list[str]:
    """Return the arguments of every instruction with this keyword, in order."""
    return [value for name, value in instructions() if name == keyword]


def copied() -> list[str]:
    """Return the paths that the Dockerfile copies from the project."""
    return [path for line in arguments("COPY") for path in line.split()[:-1]]


def test_the_licence_is_named_in_pyproject(project: dict[str, Any]) -> None:
    """The wheel contains LICENSE, an MIT licence of the authors that pyproject.toml names."""
    assert project["license"] == "MIT"
    assert project["license-files"] == ["LICENSE"]
    assert text("LICENSE").startswith("MIT License\n")
    assert HOLDER in text("LICENSE")
    assert project["authors"] == [{"name": HOLDER}]


def test_every_file_states_the_version_of_the_package(project: dict[str, Any]) -> None:
    """CITATION.cff and pyproject.toml state the version of the package."""
    assert yaml("CITATION.cff")["version"] == __version__
    assert project["version"] == __version__


def test_the_citation_has_what_the_format_requires(project: dict[str, Any]) -> None:
    """CITATION.cff has all required keys, the project's licence and both references."""
    citation = yaml("CITATION.cff")
    assert str(citation["cff-version"]) == "1.2.0"
    assert citation["type"] == "software"
    assert citation["title"]
    assert citation["message"]
    assert citation["license"] == project["license"]
    assert citation["authors"] == [{"name": HOLDER}]
    cited = {identifier["value"] for reference in citation["references"] for identifier in reference["identifiers"]}
    assert cited == {"arXiv:1810.05934", "arXiv:1807.05118"}  # ASHA, Ray Tune


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only git lists its files")
def test_the_source_distribution_contains_every_tracked_file() -> None:
    """The source distribution contains every tracked file.

    Hatchling adds pyproject.toml and .gitignore itself.
    """
    packed = tomllib.loads(text("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = {PurePosixPath(path) for path in listed.split("\0") if path}
    left_out = {str(path) for path in tracked if not any(path.is_relative_to(kept) for kept in packed)}
    assert left_out == {"pyproject.toml", ".gitignore"}
    assert [kept for kept in packed if not any(path.is_relative_to(kept) for path in tracked)] == []


def test_every_file_that_the_image_copies_exists() -> None:
    """Every copied file exists. Only the lock file is optional, so it is written as a pattern."""
    patterns = {path for path in copied() if "[" in path}
    assert patterns == {"requirements.loc[k]"}
    assert [path for path in copied() if path not in patterns and not (ROOT / path).exists()] == []


def test_every_package_of_the_wheel_is_copied() -> None:
    """The Dockerfile copies every package of the wheel, so both contain the same packages."""
    wheel = tomllib.loads(text("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["packages"]) <= set(copied())


def test_the_build_context_contains_only_the_copied_files() -> None:
    """.dockerignore excludes everything except the files that the Dockerfile copies."""
    rules = [line for line in text(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_through = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert let_through == {path.replace("[k]", "k") for path in copied()}


def test_the_image_runs_a_module_that_exists() -> None:
    """The entry point is `python -m harness.run`, and every module that is run exists."""
    assert arguments("ENTRYPOINT") == ['["python", "-m", "harness.run"]']
    modules = {
        *re.findall(r"python -m ([\w.]+)", " ".join(arguments("RUN"))),
        json.loads(arguments("ENTRYPOINT")[0])[-1],
    }
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


def test_the_image_runs_without_root_and_keeps_reports_in_a_volume() -> None:
    """The last user is not root, and `reports` in the working directory is a volume."""
    user = arguments("USER")[-1].partition(":")[0]
    assert user.isdecimal()
    assert int(user) > 0
    assert arguments("VOLUME") == [f"{arguments('WORKDIR')[-1]}/reports"]


def test_a_build_argument_sets_the_options_of_pip() -> None:
    """The build argument PIP_OPTIONS is passed to pip, and is empty by default."""
    assert 'PIP_OPTIONS=""' in arguments("ARG")
    assert any("pip install --no-cache-dir ${PIP_OPTIONS} " in command for command in arguments("RUN"))


def test_the_workflow_runs_the_checks_and_all_tests() -> None:
    """Pushes and pull requests run `.ci/run` and `make docs`. A schedule runs `make test-all`."""
    workflow = yaml(".github/workflows/ci.yml")
    assert set(workflow["on"]) == {"push", "pull_request", "schedule"}
    commands = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in workflow["jobs"].items()}
    assert commands == {"checks": [".ci/run"], "docs": ["make docs"], "all-tests": ["make test-all"]}
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert workflow["jobs"]["checks"]["if"] == "github.event_name != 'schedule'"
    assert workflow["jobs"]["all-tests"]["if"] == "github.event_name == 'schedule'"


def test_the_workflow_tests_the_oldest_python(project: dict[str, Any]) -> None:
    """The workflow tests the oldest Python of `requires-python`.

    All tested versions are classifiers.
    """
    tested = yaml(".github/workflows/ci.yml")["jobs"]["checks"]["strategy"]["matrix"]["python"]
    assert tested[0] == project["requires-python"].removeprefix(">=")
    assert {f"Programming Language :: Python :: {version}" for version in tested} <= set(project["classifiers"])


@pytest.mark.parametrize("locked", [False, True])
def test_make_run_uses_the_lock_file_if_it_exists(locked: bool, tmp_path: Path) -> None:
    """`make run` installs the versions in requirements.lock if it exists.

    Otherwise, pip chooses them.
    """
    for name in ("Makefile", "pyproject.toml"):
        (tmp_path / name).write_text(text(name), encoding="utf-8")
    if locked:
        (tmp_path / "requirements.lock").touch()
    plan = subprocess.run(["make", "-n", "run"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert ("--constraint requirements.lock" in plan) is locked
    assert "--editable ." in plan


def test_every_page_of_the_documentation_is_in_the_navigation() -> None:
    """The site shows every Markdown file of docs/ once, and the pages that are generated."""
    pages = re.findall(r"^ +- (?:.*: )?(\S+\.md)$", text("mkdocs.yml"), flags=re.MULTILINE)
    elsewhere = {"index.md", "changelog.md", "contributing.md", "commands.md"}  # docs/hooks.py adds these pages
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(pages) == sorted(written | elsewhere)


def test_every_public_name_is_in_the_api_reference() -> None:
    """docs/api.md has a directive for each name that `harness` and `architectures` export."""
    documented = set(re.findall(r"^::: ([\w.]+)$", text("docs/api.md"), flags=re.MULTILINE))
    public = {f"{module.__name__}.{name}" for module in (harness, architectures) for name in module.__all__}
    assert public - documented == {"harness.__version__"}


def test_every_decision_is_listed() -> None:
    """docs/decisions/README.md lists every note with its number and title."""
    notes = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    titles = {path.name: path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in notes}
    lines = [
        f"{number}. [{title}]({name})" for name, (number, title) in ((n, t.split(". ", 1)) for n, t in titles.items())
    ]
    assert text("docs/decisions/README.md").splitlines()[-len(lines) :] == lines


def test_nested_lists_are_indented_by_four_spaces() -> None:
    """Nested lists have four spaces of indentation.

    With two, GitHub nests them but the site does not.
    """
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    prose = {page.name: re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S) for page in pages}
    assert [name for name, written in prose.items() if re.search(r"^ {1,3}([-*]|\d+\.) ", written, flags=re.M)] == []
