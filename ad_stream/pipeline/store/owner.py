"""One running query owns a table set; a second one is refused, an owner that no longer lives is succeeded.

The owner signs the table `owner` and renews its sign of life; a sign older than `EXPIRES` counts as dead, and on the
same machine a process that is gone counts as dead at once. Clocks may be set back: a sign from the future still counts as
life, because a clock that goes wrong must not let two runs write at once, and the refusal says how to go on.
"""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ad_stream import times
from ad_stream.errors import OwnedError
from ad_stream.tables.catalog import OWNER
from ad_stream.tables.schema import plain_ddl

if TYPE_CHECKING:
    from collections.abc import Callable

    from ad_stream.pipeline.store.delta import DeltaTables

RENEW = timedelta(seconds=60)
EXPIRES = 3 * RENEW
_ALIVE_HERE: set[str] = set()
"""Runs of this process; its own process id says nothing about an earlier run in it."""


@dataclass
class Owner:
    """The claim of one run on its tables."""

    tables: DeltaTables
    checkpoint: str
    now: Callable[[], datetime] = times.now
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    renewed: datetime | None = None
    since: datetime | None = None

    def claim(self) -> None:
        """Become the owner, or raise OwnedError where another one lives."""
        for other in self.tables.read("owner").collect():
            if other["run"] != self.run and self._lives(other):
                raise OwnedError(self._refusal(other))
        self.since = self.now()
        _ALIVE_HERE.add(self.run)
        self._sign()

    def renew(self) -> None:
        """Give a sign of life once `RENEW` has passed since the last one; OwnedError where another run took over."""
        # Beyond zero: a clock that was set back would keep a live run from signing until it has caught up.
        if self.renewed is not None and timedelta(0) <= self.now() - self.renewed < RENEW:
            return
        if self.renewed is not None and self.now() - self.renewed > EXPIRES:
            self.claim()  # after so long a silence another run may have taken the tables
        else:
            self._sign()

    def release(self) -> None:
        """Leave the tables to the next run."""
        others = self.tables.read("owner").where(f"run <> '{self.run}'")
        self.tables.overwrite("owner", others)
        _ALIVE_HERE.discard(self.run)

    def _lives(self, other: Any) -> bool:
        if self.now() - _utc(other["alive"]) > EXPIRES:
            return False
        if other["host"] != socket.gethostname():
            return True
        return other["run"] in _ALIVE_HERE if other["pid"] == os.getpid() else _runs(other["pid"])

    def _sign(self) -> None:
        self.renewed = self.now()
        row = (self.run, socket.gethostname(), os.getpid(), self.checkpoint, self.since, self.renewed)
        self.tables.overwrite("owner", self.tables.spark.createDataFrame([row], plain_ddl(OWNER.columns)))

    def _refusal(self, other: Any) -> str:
        age = int((self.now() - _utc(other["alive"])).total_seconds())
        sign, way_out = f"{age} s ago", "stop it, or name other tables"
        if age < -EXPIRES.total_seconds():
            sign = f"{-age} s ahead of this machine's clock"
            way_out = "set the clocks right; where no such query runs any more, delete the table owner, which holds nothing else"
        return (
            f"the tables {self._place()} are owned by a running query (host {other['host']}, process "
            f"{other['pid']}, sign of life {sign}): {way_out}"
        )

    def _place(self) -> str:
        return repr(self.tables.place())


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
