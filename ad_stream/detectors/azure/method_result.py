"""What a method says of a series before sensitivity decides how wide the band is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.azure.arrays import ZERO

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats


@dataclass(frozen=True)
class Judged:
    """A method's verdict on every point; arrays (n,), in the unit of the values.

    score is 0..1, of the spectral residual only, raw_score the same before it is cut; trend is what the band of V2
    and V3 is scaled by.
    by_score: may the margin of V1 follow the score?
    """

    values: Floats
    expected: Floats
    flagged: Bools
    trend: Floats | None = None
    score: Floats | None = None
    raw_score: Floats | None = None
    by_score: bool = False

    def keep(self, rows: Bools) -> Judged:
        """Only the points where `rows` is true."""
        return replace(
            self,
            values=self.values[rows],
            expected=self.expected[rows],
            flagged=self.flagged[rows],
            trend=None if self.trend is None else self.trend[rows],
            score=None if self.score is None else self.score[rows],
            raw_score=None if self.raw_score is None else self.raw_score[rows],
        )

    def without_trifles(self) -> Judged:
        """A point that is what was expected, to 1e-8, is no anomaly."""
        return replace(self, flagged=self.flagged & ~(np.abs(self.values - self.expected) < ZERO))

    def is_positive(self) -> Bools:
        """Where a flagged point would count as above what was expected."""
        return np.asarray(self.expected <= self.values)
