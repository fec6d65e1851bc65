"""Options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[Path | None, typer.Option("--data-dir", metavar="DIR", help="Folder of the data files.")]

ModelCode = Annotated[
    str | None, typer.Option("--architecture", metavar="SOURCE", help="Code of the model where it is your own.")
]
