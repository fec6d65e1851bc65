"""`python -m harness.new my_net` writes a commented file to begin an architecture of your own with."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from architectures import BUILT_IN
from harness.console.exit_codes import exit_codes
from harness.errors import StudyError


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the architecture, and of the file NAME.py.")],
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write it there.", show_default="NAME.py here")
    ] = None,
) -> None:
    """Write a file with a small convolutional net that passes every check, to be changed."""
    with exit_codes():
        name = name.removesuffix(".py")
        path = output or Path(f"{name}.py")
        write_starting_file(name, path)
        typer.echo(f"{path} is written; next: python -m harness.check {path}")


def write_starting_file(name: str, path: Path) -> None:
    """Write the file.

    Raises:
        StudyError: the name will not do or is taken, or the file is there already.
    """
    if not name.isidentifier():
        raise StudyError(f"{name}: cannot name an architecture; use letters, digits and _, as in my_net")
    if name in BUILT_IN:
        raise StudyError(f"{name}: is the name of an architecture already; choose another")
    template = Template((resources.files("harness") / "new_architecture.txt").read_text(encoding="utf-8"))
    content = template.substitute(name=name, title=name.replace("_", " ").capitalize(), file=path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise StudyError(f"{path}: is there already, and nothing was written; choose another name") from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be written: {error.strerror}") from None


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    app()
