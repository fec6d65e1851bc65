"""The command `python -m harness.check my_net.py`, which checks an architecture."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from architectures import BUILT_IN, InputShape
from harness.console.exit_codes import BREACHED, errors, exit_codes
from harness.errors import StudyError, describe
from harness.study import load_architecture

if TYPE_CHECKING:
    from harness.models.contract import Contender

console = Console(highlight=False, soft_wrap=True, markup=False)

_OTHERS = (InputShape(1, 28, 28), InputShape(3, 32, 32), InputShape(1, 8, 8), InputShape(3, 64, 48))


def command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Your architecture (my_net.py, package.module:NAME, torchvision:MODEL or timm:MODEL), or the name of "
            "a built-in one.",
        ),
    ],
    shape: Annotated[
        str,
        typer.Option("--shape", metavar="CxHxW", help="Image shape for the checks: channels, height and width."),
    ] = "1x28x28",
    classes: Annotated[
        int, typer.Option("--classes", metavar="N", min=2, help="Number of classes for the checks.")
    ] = 10,
) -> None:
    """Check an architecture: shapes, batch independence, gradients, determinism and learning."""
    with exit_codes():
        image = parse_shape(shape)
        architecture = BUILT_IN[source] if source in BUILT_IN else load_architecture(source)

        from harness.models.contract import Contender, check_architecture  # torch takes seconds to import

        console.print(f"{architecture.name}: {architecture.summary}")
        breaches = 0
        for finding in check_architecture(architecture, image, classes):
            if finding.breach is None:
                console.print(f"  ok      it {finding.check}")
            else:
                breaches += 1
                console.print(f"  FAILED  it {finding.check}: {finding.breach}")
        if breaches:
            errors.print(f"failed checks: {breaches}; fix the architecture and check it again")
            raise typer.Exit(BREACHED)
        for other in _OTHERS:
            if other != image:
                takes = takes_shape(Contender(architecture, other, classes))
                console.print(f"  images {other.channels}x{other.height}x{other.width}: {takes}")
        if architecture.name not in BUILT_IN:
            console.print(f"next: python -m harness.run --all --config smoke --architecture {source}")


def takes_shape(contender: Contender) -> str:
    """Return a text that states whether an architecture accepts images of another shape."""
    try:
        contender.build().eval()(contender.images(2))
    except (Exception, SystemExit) as error:  # noqa: BLE001  # it may raise any exception
        return f"not accepted ({describe(error)[:160]})"
    return "also accepted"


def parse_shape(text: str) -> InputShape:
    """Parse an image shape.

    >>> parse_shape("3x32x32")
    InputShape(channels=3, height=32, width=32)

    Raises:
        StudyError: The text is not a shape.
    """
    numbers = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})x([1-9]\d{0,3})", text)
    if not numbers:
        raise StudyError(f"--shape {text}: not an image shape; give channels, height and width, for example 1x28x28")
    return InputShape(*map(int, numbers.groups()))


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    app()
