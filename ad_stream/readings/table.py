"""What every kind of file becomes first: columns of text that know where they stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class TextTable:
    """A file's columns as text.

    name    the file's name, for messages
    cells   a column of str per column of the file, '' = empty
    place   (rows,) number of the line, from 1; of Parquet the row
    word    'line' or 'row', what `place` counts
    about   what was understood of the file itself, such as its separator
    """

    name: str
    cells: pd.DataFrame
    place: Ints
    word: str
    about: tuple[str, ...]

    def where(self, row: int, column: str) -> str:
        """Where a cell stands, as a message begins: file, line, column."""
        return f"{self.name} {self.word} {self.place[row]}, column {column!r}"
