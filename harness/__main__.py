"""`python -m harness` and the console script `harness`: the commands as subcommands."""

from __future__ import annotations

import typer

from harness import check, compare, evaluate, export, new, predict, run
from harness.report import __main__ as report

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)
app.command("run")(run.command)
app.command("report")(report.main)
app.command("evaluate")(evaluate.command)
app.command("compare")(compare.command)
app.command("export")(export.command)
app.command("predict")(predict.command)
app.command("new")(new.command)
app.command("check")(check.command)

if __name__ == "__main__":
    app()
