"""A table for a reader: cells are text, not yet Markdown or HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, eq=False)
class Table:
    """A table for a reader; it is false when it has no row.

    Attributes:
        frame: text in every cell; its columns are the header.
        text_columns: columns that are read as words, not compared as numbers.
    """

    frame: pd.DataFrame
    text_columns: frozenset[str]

    def __bool__(self) -> bool:
        return len(self.frame) > 0


def make_table(rows: Sequence[Mapping[str, str]], text_columns: Iterable[str]) -> Table:
    """A table of these rows, with the keys of the first one as its header."""
    return Table(pd.DataFrame(rows), frozenset(text_columns))
