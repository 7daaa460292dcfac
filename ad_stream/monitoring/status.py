"""What the tables of a running or stopped stream say about its health; read without a JVM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream import times
from ad_stream.errors import InputError
from ad_stream.grid import SILENT
from ad_stream.monitoring import incidents, joint
from ad_stream.push.base import LOST, SETTLED
from ad_stream.secrets import redact
from ad_stream.tables.catalog import BATCHES, PROGRESS
from ad_stream.tables.reader import grid_of, read_rows
from ad_stream.tables.schema import COUNT

if TYPE_CHECKING:
    import pandas as pd

DELIVERED = frozenset({"pushed", "push_failed", "push_waiting"})
"""Counters that `deliveries` tells more truly than `batches`: rows are sent between batches, too."""
WAITING = "waiting"
NOT_YET = "start a stream that writes there, ad-stream run conf/local.yaml, or name the folder of one with --tables"
ALIVE = timedelta(minutes=3)
"""A sign of life in the table `owner` older than this is that of a stream that has stopped."""


@dataclass(frozen=True)
class Status:
    """Counts are over all batches in the tables.

    running       a query signed the tables within ALIVE
    newest        newest window that has a row, watermark: windows that end before it are closed (UTC, None before the first)
    watermark_delay  seconds from the watermark to now; None where nothing runs
    lag           events that waited at the source when the latest batch was reported, None where it does not tell
    late          readings that came after their window had closed; late_by_device: the same by device, most first
    silent        device -> its newest window, for devices more than `silent_after` behind `newest`
    source_lost   events that had aged out at the source before they were read
    pushes        push target -> state -> rows (ad_stream.push.base.STATES); `waiting`: still to be sent
    pushed        rows that targets took; push_waiting: still to be sent; push_failed: refused, or given up
    """

    running: bool
    newest: datetime | None
    watermark: datetime | None
    watermark_delay: float | None
    lag: int | None
    batches: int
    events: int
    non_telemetry: int
    minutes_closed: int
    scored: int
    anomalies: int
    slow_anomalies: int
    joint_scored: int
    joint_anomalies: int
    warming_up: int
    declined: int
    fallback_calls: int
    fallback_failed: int
    set_aside: int
    too_many_signals: int
    too_many_new_series: int
    quarantined: dict[str, int]
    late: int
    duplicates: int
    dropped_by_watermark: int
    source_lost: int
    pushes: dict[str, dict[str, int]]
    pushed: int
    push_waiting: int
    push_failed: int
    late_by_device: dict[str, int]
    silent: dict[str, datetime]
    incidents: dict[str, int] = field(default_factory=dict)
    """How many there are, are open, at which level, and acknowledged."""
    ignored: tuple[str, ...] = ()
    """Rows of `series_config` and `feedback` that the stream leaves out, a sentence each."""
    joint_drift: dict[str, float] = field(default_factory=dict)
    """Devices whose joint model no longer fits -> share of the last day that lies where a twentieth of the training days lay."""

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: times as ISO text in UTC."""
        shown = asdict(self) | {
            "newest": times.iso_or_none(self.newest),
            "watermark": times.iso_or_none(self.watermark),
        }
        return shown | {"silent": {device: times.iso_or_none(minute) for device, minute in self.silent.items()}}


def stream_lives(tables: str | Path, *, now: Callable[[], datetime] = times.now) -> bool:
    """Has a query signed these tables within ALIVE? Reads one row; InputError where no run has begun yet."""
    signs = read_rows(tables, "owner", ["alive"])["alive"]
    return bool(len(signs)) and now() - signs.max().to_pydatetime() <= ALIVE


def status(
    tables: str | Path,
    *,
    silent_after: timedelta | None = None,
    now: Callable[[], datetime] = times.now,
) -> Status:
    """The state of the stream that writes into this folder; InputError where no tables are.

    silent_after: how far a device may lie behind the newest window, by default 10 windows; devices without a row in the
    day (or the 1440 windows, if they are longer) before that window are not looked at.
    """
    if not any((Path(tables) / name).is_dir() for name in ("minutes", "detections")) and "://" not in str(tables):
        raise InputError(f"there are no tables in {redact(str(tables))} yet: {NOT_YET}")
    grid = grid_of(tables)
    silent_after = SILENT * grid.every if silent_after is None else silent_after
    batches, progress = read_rows(tables, "batches"), read_rows(tables, "progress")
    reasons = read_rows(tables, "quarantine", ["reason"])["reason"].value_counts()
    newest_of = _newest_windows(tables, max(timedelta(days=1), 1440 * grid.every))
    newest = max(newest_of.values(), default=None)
    running = stream_lives(tables, now=now)
    watermark = _latest(progress["watermark"])
    late = read_rows(tables, "late", ["device_id"])["device_id"].value_counts()
    pushes = _pushes(read_rows(tables, "deliveries", ["sink", "query_id", "batch_id", "attempt", "rows", "state"]))

    def rows_pushed(*states: str) -> int:
        return sum(states_of.get(state, 0) for states_of in pushes.values() for state in states)

    def total(frame: pd.DataFrame, column: str) -> int:
        return int(frame[column].dropna().sum())

    return Status(
        running=running,
        newest=newest,
        watermark=watermark,
        watermark_delay=(now() - watermark).total_seconds() if running and watermark is not None else None,
        lag=_lag(progress),
        batches=len(batches),
        quarantined={str(reason): int(count) for reason, count in sorted(reasons.items())},
        late_by_device={str(device): int(count) for device, count in late.items()},
        silent={
            device: minute
            for device, minute in sorted(newest_of.items(), key=lambda item: (item[1], item[0]))
            if newest is not None and newest - minute > silent_after
        },
        incidents=incidents.counts(tables),
        joint_drift=joint.drifted(tables),
        ignored=(*_ignored(Path(tables)), *incidents.ignored(Path(tables))),
        pushes=pushes,
        pushed=rows_pushed("delivered"),
        push_waiting=rows_pushed(WAITING),
        push_failed=rows_pushed(*LOST),
        **{name: total(batches, name) for name in BATCHES.named(COUNT) if name not in {*DELIVERED, "quarantined"}},
        **{name: total(progress, name) for name in PROGRESS.named(COUNT)},
    )


def _pushes(deliveries: pd.DataFrame) -> dict[str, dict[str, int]]:
    """sink -> state -> rows; what waits is told by the last record of each batch at a sink."""
    settled = deliveries[deliveries["state"].isin(SETTLED)]
    last = deliveries.sort_values("attempt").groupby(["sink", "query_id", "batch_id"], as_index=False).last()
    waiting = last[~last["state"].isin(SETTLED)].assign(state=WAITING)
    found: dict[str, dict[str, int]] = {}
    for frame in (settled, waiting):
        for (sink, state), rows in frame.groupby(["sink", "state"])["rows"].sum().items():
            found.setdefault(str(sink), {})[str(state)] = int(rows)
    return dict(sorted(found.items()))


def _ignored(tables: Path) -> tuple[str, ...]:
    from ad_stream.config import parse_detection
    from ad_stream.series_config import table
    from ad_stream.series_config.rows import rules_of

    return rules_of(table.read(tables)[0], parse_detection({})).refused


def _newest_windows(tables: str | Path, reach: timedelta) -> dict[str, datetime]:
    newest = _latest(read_rows(tables, "minutes", ["minute"])["minute"])
    if newest is None:
        return {}
    recent = read_rows(tables, "minutes", ["device_id", "minute"], [("minute", ">=", newest - reach)])
    return {
        str(device): minute.to_pydatetime() for device, minute in recent.groupby("device_id")["minute"].max().items()
    }


def _lag(progress: pd.DataFrame) -> int | None:
    """That of the latest batch: the highest number of the query whose watermark is highest."""
    told = progress.sort_values(["watermark", "batch_id"], na_position="first")["lag"]
    return int(told.iloc[-1]) if len(told) and told.notna().iloc[-1] else None


def _latest(column: pd.Series[Any]) -> datetime | None:
    newest = column.max()
    return newest.to_pydatetime() if newest == newest and newest is not None else None
