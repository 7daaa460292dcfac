"""What the reader gives: one entry per reading, and in words how the file was understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

VALUE = "value"
"""The signal of a file that names none."""


@dataclass(frozen=True)
class Readings:
    """One entry per reading, in the order of the file, its columns side by side where it is wide.

    devices, signals   the names behind the codes
    device, signal     (n,) codes
    ms                 (n,) time, ms since 1970 UTC
    text, value        (n,) as the cell stands, and as a number, NaN where it is none
    rows               data rows of the file
    beside             (n,) cells of the column that was asked for beside the readings
    columns            role -> column
    understood         (what, how) for a person, such as ('time', "column 'ts', ISO 8601, UTC")
    """

    name: str
    devices: list[str]
    signals: list[str]
    device: Ints
    signal: Ints
    ms: Ints
    text: NDArray[np.object_]
    value: Floats
    rows: int
    columns: dict[str, str]
    understood: list[tuple[str, str]] = field(default_factory=list)
    beside: NDArray[np.object_] | None = None

    @property
    def numbers(self) -> Bools:
        """(n,) whether a reading has a number."""
        return np.isfinite(self.value)
