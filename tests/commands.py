"""Commands as a user types them, run in this process.

A new process would take seconds to import the dependencies.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from harness.__main__ import app


def harness(*arguments: str | Path, folder: Path | None = None) -> Result:
    """Run `harness <arguments>` in a folder, or in the current one."""
    with contextlib.chdir(folder) if folder is not None else contextlib.nullcontext():
        return CliRunner().invoke(app, [str(argument) for argument in arguments])


def assert_refused(done: Result, said: str) -> None:
    """Check that the command exited with 2 and printed one sentence."""
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
