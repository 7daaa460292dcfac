"""What a run says while it works, from its first second on: events read, windows waiting, rate, how far behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ad_stream import times
from ad_stream.pipeline.operation.reports import plain

Tell = Callable[[str], None]
EVERY = 5.0
"""Seconds between two lines."""


@dataclass
class Telling:
    """Tells, at most every EVERY seconds and only what changed. now: the clock of lines; seconds: a monotonic one."""

    tell: Tell
    seconds: Callable[[], float]
    now: Callable[[], datetime] = times.now
    began: float = field(init=False)
    _told: float = field(init=False)
    _before: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.began = self.seconds()
        self._told = self.began - EVERY

    def __call__(self, reports: list[Any], *, done: bool = False) -> None:
        """reports: Spark's of the batches so far, the latest last."""
        at = self.seconds()
        if at - self._told < EVERY and not done:
            return
        line = working(reports, at - self.began, self.now())
        if line != self._before or not reports:
            self.tell(line)
        self._told, self._before = at, line


def working(reports: list[Any], seconds: float, now: datetime) -> str:
    """The line; seconds since the query began."""
    known = [plain(one) for one in reports]
    if not known:
        return f"reading: no batch is done yet, after {seconds:.0f} s"
    events = sum(int(one.get("numInputRows") or 0) for one in known)
    last = known[-1]
    parts = [f"{events:,} events read lately"]
    if rate := float(last.get("processedRowsPerSecond") or 0):
        parts.append(f"{rate:,.0f} a second")
    windows = sum(int(one.get("numRowsTotal") or 0) for one in (last.get("stateOperators") or [])[:1])
    if windows:
        parts.append(f"{windows:,} windows wait to be closed")
    if (mark := _watermark(last)) is not None:
        parts.append(f"closed until {times.shown(mark)} UTC, {_span((now - mark).total_seconds())} ago")
    return ", ".join(parts)


def _watermark(report: Mapping[str, Any]) -> datetime | None:
    text = (report.get("eventTime") or {}).get("watermark")
    return None if text is None or text.startswith("1970") else times.instant(text.partition(".")[0].removesuffix("Z"))


def _span(seconds: float) -> str:
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(seconds, 0):.0f} seconds"
