"""The command `python -m harness.predict MODEL IMAGE...`, which classifies image files."""

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
    """Whether to invert images (exchange dark and light)."""

    AUTO = "auto"
    YES = "yes"
    NO = "no"


def command(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="models/<architecture>.json of a run, or an exported .pt2 or .onnx.")
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG or similar, of any size.")],
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="Number of classes to print per image.")] = 3,
    invert: Annotated[
        Invert,
        typer.Option(
            "--invert",
            help="Whether to invert images. auto: if the background is light and that of the training images was "
            "dark, or the other way round.",
        ),
    ] = Invert.AUTO,
    own: ModelCode = None,
) -> None:
    """Classify images with a model, and print the most probable classes of each image."""
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
            console.print(f"inverted {inverted} of {len(read)} images (dark and light); --invert no turns this off")


def description_of(model: Path) -> SavedModel:
    """Read the description of a model, which is in the `.json` file with the same name.

    Raises:
        HarnessError: There is no such file, or it is damaged.
    """
    from harness.models.saved import read_saved_model

    if not model.is_file():
        raise RunFolderError(f"{model}: no such file; give models/<architecture>.json of a run, or an exported model")
    description = model.with_suffix(".json")
    if not description.is_file():
        raise RunFolderError(
            f"{model}: {description.name} is missing in the same folder; keep both files of the export together"
        )
    return read_saved_model(description)


@dataclass(frozen=True, eq=False)
class ReadImage:
    """An image in the form that a model expects.

    Attributes:
        path: Path of the file.
        pixels: Pixels, (channels, height, width) uint8.
        inverted: Whether the image was inverted.
    """

    path: Path
    pixels: Any
    inverted: bool


def prepare(path: Path, saved: SavedModel, invert: Invert = Invert.AUTO) -> ReadImage:
    """Read an image and adapt its size and background to the training images of the model.

    Raises:
        DataError: The file is not an image.
    """
    from harness.data.sources.images import border_is_light, read_image

    pixels = read_image(path, InputShape(*saved.shape))
    unlike = saved.background is not None and border_is_light(pixels) != (saved.background == "light")
    inverted = unlike if invert is Invert.AUTO else invert is Invert.YES
    return ReadImage(path, 255 - pixels if inverted else pixels, inverted)


def answers_table(read: Sequence[ReadImage], probabilities: Any, classes: Sequence[str], top: int) -> Table:
    """Return a table with the most probable classes of each image."""
    table = Table("image", "class", "probability")
    for one, row in zip(read, probabilities, strict=True):
        for place, index in enumerate(row.argsort()[::-1][:top]):
            table.add_row(one_line(str(one.path)) if place == 0 else "", classes[index], f"{row[index]:.2%}")
    return table


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    app()
