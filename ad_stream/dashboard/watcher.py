"""Keeps the picture of the tables up to date: first what they hold, newest first, then each new version."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from ad_stream import times
from ad_stream.dashboard import feedback_rows, incident_rows
from ad_stream.dashboard.feedback_rows import FeedbackRows
from ad_stream.dashboard.flags import Flags
from ad_stream.dashboard.fleet import MOST_WINDOWS, Fleet
from ad_stream.dashboard.incident_rows import IncidentRows
from ad_stream.dashboard.verdict_arrays import COLUMNS
from ad_stream.grid import Grid
from ad_stream.model import REFRACTORY
from ad_stream.monitoring import health
from ad_stream.secrets import redact
from ad_stream.tables.follow import Part, TableLog
from ad_stream.tables.reader import grid_of

LOOK_BACK = timedelta(days=1)
"""Time before the newest window that is read when the dashboard starts; with long windows as many as fill its memory."""
EVERY, EVERY_AWAY = 0.4, 5.0
"""Seconds between two looks at the logs, in a folder and in an object store."""
INCIDENTS_BACK = timedelta(days=31)
"""Incidents that changed within so much time before the newest change are read when the dashboard starts."""
PIECE = 0.2
"""Seconds of reading what is older before the next look at what is new."""
READ = {
    "detections": COLUMNS, **health.COLUMNS, "incident_events": incident_rows.COLUMNS, "feedback": feedback_rows.COLUMNS,
}  # fmt: skip
"""Table -> the columns that are read of it."""
log = logging.getLogger(__name__)


class Watch:
    """fleet, flags, incidents, feedback and health are read under `lock`; `version` grows with every change.

    loaded: share of the last day's files that is read, 1.0 once all are. trouble: why the last look failed, or None.
    config: the run's configuration, for the hint that starts it again.
    on_change: called from the watching thread after each change, with the number of new flagged windows.
    """

    def __init__(
        self,
        tables: str | Path,
        *,
        config: str = "conf/local.yaml",
        refractory: timedelta = REFRACTORY,
        fleet: Callable[[], Fleet] = Fleet,
        incidents: Callable[[], IncidentRows] = IncidentRows,
        on_change: Callable[[int], None] = lambda _: None,
        now: Callable[[], datetime] = times.now,
    ) -> None:
        self.tables = tables
        self.config = config
        self._refractory = refractory
        self.lock = threading.RLock()
        self._looking = threading.Lock()
        self.now = now
        self.on_change = on_change
        self.every = EVERY_AWAY if "://" in str(tables) else EVERY
        self.version = 0
        self.loaded = 0.0
        self.trouble: str | None = None
        self.changed: datetime | None = None
        self._empty, self._no_incidents = fleet, incidents
        self.fleet, self.flags, self.health = fleet(), Flags(), health.Health()
        self.incidents, self.feedback = incidents(), FeedbackRows()
        self._logs = [TableLog(tables, name) for name in READ]
        self._older: list[tuple[TableLog, Part]] = []
        self._all_older = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def grid(self) -> Grid:
        """The windows of the tables."""
        return self.fleet.grid

    @property
    def incident_changes(self) -> int:
        """Grows with every row about an incident, of the stream or of a person."""
        return self.incidents.changes + self.feedback.changes

    @property
    def refractory(self) -> int:
        """Windows after a flag during which another one continues its alarm."""
        return self.grid.refractory(self._refractory)

    @property
    def look_back(self) -> timedelta:
        """How far before the newest window flags are held."""
        return max(LOOK_BACK, MOST_WINDOWS * self.grid.every)

    @property
    def found(self) -> bool:
        """Is there a table of verdicts?"""
        return self._logs[0].version is not None

    def start(self) -> None:
        """Watch from a thread of its own until `stop`."""
        self._thread = threading.Thread(target=self._run, name="dashboard-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> bool:
        """Takes in what is new, then a piece of what is older; -> whether more of that is left.

        A caller waits for a look that is under way: what that one has found is not found again, and not yet taken in.
        """
        with self._looking:
            return self._look()

    def _look(self) -> bool:
        before, flagged = self.version, 0
        for table in self._logs:
            news = table.news()
            if news is not None and news.whole:
                self._begin(table, news.parts)
            elif news is not None:
                flagged += sum(self._read(table, part) for part in news.parts)
        until = time.monotonic() + PIECE
        while self._older and time.monotonic() < until:
            self._read(*self._older.pop())
        self.loaded = 1 - len(self._older) / self._all_older if self._all_older else 1.0
        if self.version != before:
            self.changed = self.now()
            self.on_change(flagged)
        return bool(self._older)

    def _run(self) -> None:
        while not self._stop.is_set():
            more = False
            try:
                more = self.look()
                self._tell(None)
            except Exception as error:  # whatever the store says: the page tells it, and the next look tries again
                log.debug("a look at the tables failed", exc_info=True)
                self._tell(redact(f"the tables in {self.tables} cannot be read ({type(error).__name__}: {error})"))
            if not more:
                self._stop.wait(self.every)

    def _tell(self, trouble: str | None) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self.version += 1
            self.on_change(0)

    def _begin(self, table: TableLog, parts: list[Part]) -> None:
        """A table that is seen for the first time, or was made anew: its last day is read from the newest file on."""
        if table is self._logs[0]:
            grid = grid_of(self.tables)
            newest = max((part.last for part in parts if part.last is not None), default=0)
            reach = max(LOOK_BACK, MOST_WINDOWS * grid.every).total_seconds()
            chosen = [part for part in parts if part.last is None or part.last > newest - reach]
        else:
            newest_written = max((part.written for part in parts), default=0.0)
            day = health.DAY if table.name in health.COLUMNS else INCIDENTS_BACK.total_seconds()
            chosen = [part for part in parts if part.written > newest_written - day]
        with self.lock:
            if table is self._logs[0]:
                self.fleet = self._empty()
                self.fleet.names.grid = grid
                self.flags = Flags(refractory=self.refractory)
            else:
                self._forget(table.name)
            self.version += 1
        older = [one for one in self._older if one[0] is not table] + [(table, part) for part in chosen]
        self._older = sorted(older, key=lambda one: one[1].written)
        self._all_older = len(older)

    def _forget(self, table: str) -> None:
        if table == "incident_events":
            self.incidents = self._no_incidents()
        elif table == "feedback":
            self.feedback = FeedbackRows()
        else:
            self.health.forget(table)

    def _read(self, table: TableLog, part: Part) -> int:
        """-> the number of new flagged windows."""
        flagged = 0
        for batch in table.batches(part, READ[table.name]):
            with self.lock:
                self.version += 1
                if table is self._logs[0]:
                    rows = self.fleet.names.rows(batch)
                    rows = rows.take(rows.minute > self.fleet.newest - self.grid.steps(self.look_back))
                    self.fleet.apply(rows)
                    flagged += self.flags.apply(rows)
                elif table.name == "incident_events":
                    self.incidents.apply(batch)
                elif table.name == "feedback":
                    self.feedback.apply(batch)
                else:
                    self.health.apply(table.name, part.written, batch)
        return flagged
