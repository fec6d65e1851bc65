"""Tests of the text of `--help`."""

from __future__ import annotations

import re

import typer.main
from typer.testing import CliRunner

from harness.__main__ import app


def test_no_help_has_square_brackets() -> None:
    """No help text has square brackets, because Typer hides them as markup."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    helps = {f"{name} {p.name}": getattr(p, "help", None) or "" for name, c in commands.items() for p in c.params}
    assert len(helps) > 40
    assert [where for where, text in helps.items() if "[" in text] == []


def test_the_help_states_a_default() -> None:
    """The help shows the default of an option whose value in the code is None."""
    shown = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200"}).stdout
    assert "[default: (reports/<study>-<time>)]" in re.sub(r"\x1b\[[0-9;]*m", "", shown)
