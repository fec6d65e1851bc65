"""`python -m harness.predict MODEL IMAGE...` asks a model about image files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from architectures import InputShape
from harness.console.exit_codes import exit_codes, one_line
from harness.console.options import ModelCode
from harness.errors import RunFolderError
from harness.study import load_architectures

if TYPE_CHECKING:
    from harness.models.saved import SavedModel

console = Console(highlight=False, soft_wrap=True, markup=False)


class Invert(StrEnum):
    """Whether dark and light are exchanged."""

    AUTO = "auto"
    YES = "yes"
    NO = "no"


def command(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="models/<architecture>.json of a run, or an exported .pt2 or .onnx.")
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG and the like, of any size.")],
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="How many classes of each image.")] = 3,
    invert: Annotated[
        Invert,
        typer.Option(
            "--invert", help="Exchange dark and light; auto: where the background is not as it was in training."
        ),
    ] = Invert.AUTO,
    own: ModelCode = None,
) -> None:
    """Print the most probable classes of each image."""
    with exit_codes():
        registry = load_architectures([own] if own else [])
        saved = description_of(model)
        read = [prepare(path, saved, invert) for path in images]

        import numpy as np

        from harness.models.deployment import predictor  # torch takes seconds to import

        probabilities = predictor(model, registry)(np.stack([one.pixels for one in read]))
        console.print(answers_table(read, probabilities, saved.classes, top))
        inverted = sum(one.inverted for one in read)
        if inverted:
            console.print(f"dark and light were exchanged in {inverted} of {len(read)} images; --invert no leaves them")


def description_of(model: Path) -> SavedModel:
    """What is written beside a model, in the `.json` of the same name.

    Raises:
        HarnessError: there is none.
    """
    from harness.models.saved import read_saved_model

    if not model.is_file():
        raise RunFolderError(f"{model}: there is no such file; give models/<architecture>.json, or an exported file")
    description = model.with_suffix(".json")
    if not description.is_file():
        raise RunFolderError(
            f"{model}: there is no {description.name} beside it; keep both files of the export together"
        )
    return read_saved_model(description)


@dataclass(frozen=True, eq=False)
class ReadImage:
    """An image as a model wants it.

    Attributes:
        path: of its file.
        pixels: uint8 (channels, height, width).
        inverted: whether dark and light were exchanged.
    """

    path: Path
    pixels: Any
    inverted: bool


def prepare(path: Path, saved: SavedModel, invert: Invert = Invert.AUTO) -> ReadImage:
    """Read an image, of the size and with the background of the images that the model was trained on.

    Raises:
        DataError: it is no image.
    """
    from harness.data.sources.images import border_is_light, read_image

    pixels = read_image(path, InputShape(*saved.shape))
    unlike = saved.background is not None and border_is_light(pixels) != (saved.background == "light")
    inverted = unlike if invert is Invert.AUTO else invert is Invert.YES
    return ReadImage(path, 255 - pixels if inverted else pixels, inverted)


def answers_table(read: Sequence[ReadImage], probabilities: Any, classes: Sequence[str], top: int) -> Table:
    """The most probable classes of each image, the first one first."""
    table = Table("image", "class", "probability")
    for one, row in zip(read, probabilities, strict=True):
        for place, index in enumerate(row.argsort()[::-1][:top]):
            table.add_row(one_line(str(one.path)) if place == 0 else "", classes[index], f"{row[index]:.2%}")
    return table


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    app()
