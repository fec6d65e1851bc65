"""Tables for readers, as text that is not yet Markdown or HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, eq=False)
class Table:
    """A table for readers. It is false if it has no rows.

    Attributes:
        frame: Cells as text. The columns are the header.
        text_columns: Columns with words. All other columns contain numbers.
    """

    frame: pd.DataFrame
    text_columns: frozenset[str]

    def __bool__(self) -> bool:
        return len(self.frame) > 0


def make_table(rows: Sequence[Mapping[str, str]], text_columns: Iterable[str]) -> Table:
    """Create a table from rows. The keys of the first row are the header."""
    return Table(pd.DataFrame(rows), frozenset(text_columns))
