"""The console script `harness`: the same commands as `python -m harness.…`, as subcommands."""

from __future__ import annotations

import typer

from harness import compare, evaluate, run
from harness.report import __main__ as report

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)
app.command("run")(run.command)
app.command("report")(report.main)
app.command("evaluate")(evaluate.command)
app.command("compare")(compare.command)
