"""Tests of what the rooms of the package must not contain."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from typer.main import get_command

import harness
from harness.__main__ import app
from harness.console.exit_codes import sentence
from harness.errors import Argument, HarnessError, changed

PACKAGE = Path(harness.__file__).parent
COMMANDS = {"report/__main__.py", "console/options.py"}
MODULES = sorted(
    str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE
)  # the modules at the top are commands


def options() -> set[str]:
    """Return every option of every command."""
    commands = get_command(app).commands.values()
    return {name for command in commands for option in command.params for name in option.opts if name.startswith("--")}


@pytest.mark.parametrize("module", [module for module in MODULES if module not in COMMANDS])
def test_no_room_names_an_option_of_a_command(module: str) -> None:
    """Errors name arguments and not options, because Python users see them too.

    Commands show options.
    """
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]
    named = {name for text in texts for name in re.findall(r"(?<![\w-])--[a-z][a-z-]*\b(?!=)", text)}
    assert named & options() == set()


def test_a_command_shows_arguments_as_its_options() -> None:
    """The same error shows Python arguments as text, and command-line options in a command."""
    error = HarnessError(Argument("data_dir", "x"), ": too large; try ", changed("dataset.train_size", 100))
    assert str(error) == "data_dir=x: too large; try dataset.train_size: 100"
    assert sentence(error) == "--data-dir x: too large; try --set dataset.train_size=100"
