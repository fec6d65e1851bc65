"""`python -m harness.check my_net.py` says whether an architecture behaves, and how to mend what does not."""

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
            metavar="SOURCE", help="my_net.py, package.module:NAME, torchvision:MODEL, timm:MODEL, or a name."
        ),
    ],
    shape: Annotated[
        str, typer.Option("--shape", metavar="CxHxW", help="Shape of the images that it must take.")
    ] = "1x28x28",
    classes: Annotated[
        int, typer.Option("--classes", metavar="N", min=2, help="Classes that it must tell apart.")
    ] = 10,
) -> None:
    """Check an architecture: shapes, batch independence, gradients, determinism, and whether it learns at all."""
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
                console.print(f"  BROKEN  it {finding.check}: {finding.breach}")
        if breaches:
            errors.print(f"{breaches} of the checks found something; mend it and check again")
            raise typer.Exit(BREACHED)
        for other in _OTHERS:
            if other != image:
                takes = takes_shape(Contender(architecture, other, classes))
                console.print(f"  images {other.channels}x{other.height}x{other.width}: {takes}")
        if architecture.name not in BUILT_IN:
            console.print(f"next: python -m harness.run --all --config smoke --architecture {source}")


def takes_shape(contender: Contender) -> str:
    """Whether a contender takes images of another shape, in words."""
    try:
        contender.build().eval()(contender.images(2))
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a contender may raise anything
        return f"not taken ({describe(error)[:160]})"
    return "taken too"


def parse_shape(text: str) -> InputShape:
    """The shape that `1x28x28` means.

    >>> parse_shape("3x32x32")
    InputShape(channels=3, height=32, width=32)

    Raises:
        StudyError: it means none.
    """
    numbers = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})x([1-9]\d{0,3})", text)
    if not numbers:
        raise StudyError(f"--shape {text}: write channels, height and width, as in 1x28x28")
    return InputShape(*map(int, numbers.groups()))


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    app()
