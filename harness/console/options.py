"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Folder of the data files.", show_default="the user cache"),
]

ModelCode = Annotated[
    str | None,
    typer.Option(
        "--architecture", metavar="SOURCE", help="Source of the architecture if it is your own, e.g. my_net.py."
    ),
]
