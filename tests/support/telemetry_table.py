"""Telemetry as a Delta table that somebody else writes: what tests of `kind: table` read."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from ad_stream.config import Telemetry
from ad_stream.errors import InputError
from ad_stream.pipeline.steps.shapes import NOT_SIGNALS
from ad_stream.simulate.send import Event
from ad_stream.sources.contract import HEARTBEAT
from ad_stream.times import moment

TIME = pa.timestamp("us", tz="UTC")
LONG = pa.schema(
    [
        ("device_id", pa.string()),
        ("signal", pa.string()),
        ("time", TIME),
        ("value", pa.string()),
        ("enqueued", TIME),
        ("id", pa.string()),
    ]
)


def append(folder: Path, rows: Iterable[Mapping[str, Any]], schema: pa.Schema = LONG) -> None:
    """One commit with these rows; columns that a row lacks are null."""
    table = pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)
    write_deltalake(str(folder), table, mode="append")


def reading(
    at: datetime | None, value: object = 1.0, *, device: str | None = "d1", signal: str | None = "t", **more: Any
) -> dict[str, Any]:
    """A row of a long table whose values are texts."""
    return {"device_id": device, "signal": signal, "time": at, "value": None if value is None else str(value), **more}


def heartbeat(last: datetime, *, watermark: timedelta = timedelta(minutes=2)) -> dict[str, Any]:
    """The row that ends a table: every window up to `last` is closed."""
    end = last + watermark + timedelta(seconds=61)
    return {"device_id": None, "signal": HEARTBEAT, "time": end, "value": None, "enqueued": end}


def rows_of(events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    """The readings of messages, as an ingestion that parses JSON and checks nothing would store them."""
    for event in events:
        if event.system.get("iothub-message-source") == "Telemetry" and len(event.body) <= Telemetry().max_body:
            for number, element in enumerate(_elements(event.body)):
                yield from _readings(element, event, f"{event.system.get('message-id')} {number}")


def _elements(body: bytes) -> list[dict[str, Any]]:
    try:
        content = json.loads(body)
    except ValueError:
        return []
    return [one for one in (content if isinstance(content, list) else [content]) if isinstance(one, dict)]


def _readings(element: Mapping[str, Any], event: Event, name: str) -> Iterator[dict[str, Any]]:
    device = event.system.get("iothub-connection-device-id") or element.get("deviceId")
    for signal, value in element.items():
        if signal not in NOT_SIGNALS and value is not None and not isinstance(value, (bool, list, dict)):
            yield reading(_time(element["time"]), value, device=device, signal=signal, enqueued=event.enqueued, id=name)


def _time(text: object) -> datetime | None:
    with contextlib.suppress(InputError):
        return moment(str(text))
    return None


def whole_minute(ago: timedelta) -> datetime:
    """The start of a minute that long before now: rows ahead of this machine's clock are not believed."""
    return (datetime.now(timezone.utc) - ago).replace(second=0, microsecond=0)
