"""Tables as a run writes them, written without Spark: the columns of `ad_stream.tables.catalog`, through deltalake."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from ad_stream.grid import PROPERTY
from ad_stream.tables.catalog import TABLES
from ad_stream.tables.schema import arrow

SERVED = ("detections", "batches", "progress", "quarantine", "deliveries", "owner", "minutes", "late")


def schema(table: str) -> pa.Schema:
    """The columns of a table as an Arrow schema."""
    return arrow(TABLES[table].columns)


def write(tables: Path, table: str, rows: Iterable[Mapping[str, Any]], *, mode: str = "append") -> None:
    """One commit; columns that the rows lack are null."""
    columns = schema(table)
    blank = dict.fromkeys(columns.names)
    found = pa.Table.from_pylist([blank | dict(row) for row in rows], columns)
    write_deltalake(str(tables / table), found, mode=mode)  # type: ignore[call-overload]


def create(tables: Path) -> None:
    """All tables, empty."""
    for table in SERVED:
        write(tables, table, [])


def on_grid(tables: Path, seconds: int) -> None:
    """Mark the table `minutes` as Spark does when it makes it; this writer takes no properties but Delta's own."""
    first = tables / "minutes" / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in first.read_text().splitlines()]
    for action in actions:
        if "metaData" in action:
            action["metaData"]["configuration"][PROPERTY] = str(seconds)
    first.write_text("\n".join(json.dumps(action) for action in actions) + "\n")


def verdict(
    device: str,
    signal: str,
    minute: datetime,
    value: float | None,
    *,
    reason: str = "normal",
    revision: int = 0,
    **more: Any,
) -> dict[str, Any]:
    """A row of `detections` with the band 18 to 22 around 20; `reason` above and below flag it."""
    flagged = reason in ("above", "below", "stuck")
    return {
        "device_id": device, "signal": signal, "minute": minute, "revision": revision, "value": value,
        "expected": 20.0, "upper_margin": 2.0, "lower_margin": 2.0, "score": 5.5 if flagged else 0.5, "sr_score": 1.25,
        "severity": 0.4 if flagged else 0.0, "is_anomaly": flagged, "is_positive": reason == "above",
        "is_negative": reason == "below", "continuing": False, "status": "scored", "reason": reason,
        "detector": "default", "points": 120, "imputed": 0, "config_version": "0123456789ab", "query_id": "q",
        "batch_id": 0,
    } | more  # fmt: skip


def warming_up(device: str, signal: str, minute: datetime, value: float) -> dict[str, Any]:
    """A row of `detections` of a series with too little history."""
    measures = ("expected", "upper_margin", "lower_margin", "score", "sr_score", "severity")
    row = verdict(device, signal, minute, value, reason="few_points", status="warming_up", points=5)
    return row | dict.fromkeys(measures)


def sign_of_life(tables: Path, alive: datetime) -> None:
    """What a running query writes once a minute."""
    row = {"run": "r", "host": "h", "pid": 1, "checkpoint": "c", "since": alive, "alive": alive}
    write(tables, "owner", [row], mode="overwrite")


def series_rows(
    device: str, signal: str, start: datetime, values: Sequence[float], flags: Mapping[int, str]
) -> list[dict[str, Any]]:
    """One row a minute; flags: place -> reason."""
    return [
        verdict(device, signal, start + timedelta(minutes=n), value, reason=flags.get(n, "normal"))
        for n, value in enumerate(values)
    ]
