"""The command `python -m harness.new my_net`, which writes a template for an architecture."""

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
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the architecture and of the file NAME.py.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="File to write.", show_default="NAME.py in the current folder"),
    ] = None,
) -> None:
    """Write a template for your own architecture: a small convolutional network with comments."""
    with exit_codes():
        name = name.removesuffix(".py")
        path = output or Path(f"{name}.py")
        write_starting_file(name, path)
        typer.echo(f"wrote {path}; next: python -m harness.check {path}")


def write_starting_file(name: str, path: Path) -> None:
    """Write the template.

    Raises:
        StudyError: The name is not valid or already used, or the file exists or cannot be written.
    """
    if not name.isidentifier():
        raise StudyError(
            f"{name}: not a valid name for an architecture; use letters, digits and underscores, for example my_net"
        )
    if name in BUILT_IN:
        raise StudyError(f"{name}: this is the name of a built-in architecture; choose another name")
    template = Template((resources.files("harness") / "new_architecture.txt").read_text(encoding="utf-8"))
    content = template.substitute(name=name, title=name.replace("_", " ").capitalize(), file=path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise StudyError(f"{path}: the file already exists and was not changed; choose another name") from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be written: {error.strerror}; choose another folder") from None


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    app()
