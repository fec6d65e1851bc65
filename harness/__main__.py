"""The command `harness`, also `python -m harness`, with all commands as subcommands."""

from __future__ import annotations

import typer

from harness import check, compare, evaluate, export, new, predict, reference, run
from harness.report import __main__ as report

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)
for name, module in (
    ("run", run),
    ("report", report),
    ("evaluate", evaluate),
    ("compare", compare),
    ("export", export),
    ("predict", predict),
    ("new", new),
    ("check", check),
    ("reference", reference),
):
    app.command(name)(module.command)

if __name__ == "__main__":
    app()
