"""How far back verdicts look: `points` windows of every series, and of slow ones all that `detection.history` reaches.

Of hours that lie further back than `points` windows, only the series count that came in at most four of five windows
(`grid.most_of_an_hour`): a verdict on a series that comes in every window never looks there (`scoring.long_history`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ad_stream.grid import HOUR, Grid, most_of_an_hour

if TYPE_CHECKING:
    from datetime import datetime

    from ad_stream.scoring.verdicts import Scorer


@dataclass(frozen=True)
class Depth:
    """points: windows of every series; reach: windows of slow ones, at least as many."""

    points: int
    reach: int
    grid: Grid

    @classmethod
    def of(cls, scorer: Scorer) -> Depth:
        """What the verdicts of a scorer rest on."""
        return cls(scorer.whole, scorer.reach, scorer.grid)

    def first(self, judged: datetime) -> datetime:
        """The first window that a verdict on this one may see."""
        return judged - (self.reach - 1) * self.grid.every

    def whole_from(self, judged: datetime) -> datetime:
        """The start of the hour from which on all series are needed."""
        return hour_of(judged - self.points * self.grid.every)

    @property
    def most(self) -> int | None:
        """Windows in which a series may come in an hour to count there; None: all do, or nobody looks there."""
        return None if self.reach <= self.points else most_of_an_hour(HOUR / self.grid.seconds)


def hour_of(moment: datetime) -> datetime:
    """The start of its hour."""
    return moment.replace(minute=0, second=0, microsecond=0)
