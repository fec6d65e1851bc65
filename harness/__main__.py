"""The command `harness`, also `python -m harness`, with all commands as subcommands."""

from __future__ import annotations

import typer

from harness import check, compare, evaluate, export, new, predict, reference, run
from harness.report import __main__ as report

app = typer.Typer(
    help="Benchmark image classifiers. `harness run` is the same as `python -m harness.run`, and so on.",
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
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
    app.command(name, short_help=(module.command.__doc__ or "").splitlines()[0])(module.command)

if __name__ == "__main__":
    app()
