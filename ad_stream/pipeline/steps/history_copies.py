"""Which copies of `history` (`scoring.history_copy`) are of use to a trigger, and the rows that came since they were made.

A copy was made by a trigger and holds what the appends up to it have put into the table. It is of use as long as all appends
after it lie in the windows that are sent. The numbers are of this start of the run: a restart begins with all rows.
"""

from __future__ import annotations

import logging
import uuid
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ad_stream.scoring.history_copy import CopyOrder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ad_stream.grid import Grid
    from ad_stream.scoring.depth import Depth

log = logging.getLogger(__name__)
SENT = 30
"""Most windows before a batch's first that are sent beside its copies."""
RENEWED = 10
"""A copy that needs more windows than these is made anew."""
MISSES = 5
"""After so many triggers in a row in which most copies were missing, none are made any more: nobody keeps them there."""
MOST = 500
"""Appends that are remembered."""


@dataclass
class HistoryCopies:
    """number: appends to `history` since the start; firsts: the first window of the last of them; made: the trigger that made
    the copies, where every task found its own; from_number: copies made before this one do not reach as far back as verdicts look
    now; missed: triggers in a row in which most copies were missing."""

    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    number: int = 0
    firsts: deque[int] = field(default_factory=lambda: deque(maxlen=MOST))
    made: int = 0
    reach: int = 0
    from_number: int = 0
    missed: int = 0

    def appended(self, first: datetime, grid: Grid) -> None:
        """An append to `history` begins, of windows from this one on."""
        self.number += 1
        self.firsts.append(grid.step(first))

    def order(self, checkpoint: str, first: datetime, depth: Depth) -> CopyOrder | None:
        """What the tasks of a batch are told whose windows begin with this one; None: nothing of copies."""
        if self.missed >= MISSES:
            return None
        if depth.reach > self.reach:
            self.reach, self.from_number = depth.reach, self.number
        grid, step = depth.grid, depth.grid.step(first)
        sent_from = dict(self._of_use(step))
        if self.made not in sent_from:  # those of other triggers are of use, but there are none
            sent_from = {}
        renewed = min((one for one, since in sent_from.items() if step - since <= RENEWED), default=self.number)
        self.made = self.number if self.made < renewed else self.made
        return CopyOrder(
            key=f"{zlib.crc32(checkpoint.encode()):08x}", run=self.run, number=self.number,
            oldest=min(sent_from, default=None), since=min(sent_from.values(), default=step),
            renewed=renewed, first=step - depth.reach - SENT, thinned=grid.step(depth.whole_from(first - SENT * grid.every)),
            most=depth.most, seconds=grid.seconds,
        )  # fmt: skip

    def _of_use(self, step: int) -> Iterator[tuple[int, int]]:
        """The triggers whose copies are of use, the newest first, and the window from which on rows are sent beside them."""
        since = step
        for number in range(self.number - 1, self.number - len(self.firsts), -1):
            at = len(self.firsts) - 1 - (self.number - number)
            since = min(since, self.firsts[at + 1])
            if step - since > SENT or number < self.from_number:
                return
            if self.firsts[at] <= step + SENT:
                yield number, since

    def used(self, parts: int, missing: int) -> None:
        """Of so many parts of a trigger some lacked their copies."""
        self.missed = self.missed + 1 if missing * 2 > parts else 0
        if self.missed == MISSES:
            log.warning(
                "copies of the table history were missing in %d triggers in a row, so all of it is read from now on: "
                "the Python workers keep no files between tasks, or tasks have moved to other machines", MISSES,
            )  # fmt: skip
