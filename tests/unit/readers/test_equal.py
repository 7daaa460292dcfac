"""The same telemetry through every kind of named source gives the same readings."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ad_stream.landing.rows import numbers_of
from ad_stream.readers.contract import READINGS, RangeReader, TimeRange, us_of
from ad_stream.readers.registry import reader_of, settings_of
from tests.support.database_servers import Influx, Postgres
from tests.support.sql_server.server import StandIn

pytestmark = pytest.mark.slow
START = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=20)
DEVICES = ["pump 1", "pump'2\"", "ä;--"]
HOUR = TimeRange.between(START + timedelta(minutes=5), START + timedelta(minutes=65))


def telemetry() -> list[tuple[str, datetime, dict[str, float]]]:
    """A reading of one or two signals a minute and device, with numbers that no short decimal is."""
    return [
        (device, START + timedelta(minutes=minute, milliseconds=7 * number),
         {"t": 20 + minute / 3, **({"rpm": 0.1 * minute + 1e-9 * number} if minute % 4 else {})})
        for minute in range(70) for number, device in enumerate(DEVICES)
    ]  # fmt: skip


def readings(reader: RangeReader[Any]) -> list[tuple[Any, ...]]:
    rows = [row for batch in reader.read(HOUR) for row in batch.to_pylist()]
    numbers = numbers_of(pa.RecordBatch.from_pylist(rows, schema=READINGS)).tolist()
    return sorted((*list(row.values())[:4], number) for row, number in zip(rows, numbers, strict=True))


def source(section: Any) -> RangeReader[Any]:
    return reader_of("plant", {"plant": settings_of(section)})


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """Those of a file of JSON lines."""
    path = tmp_path_factory.mktemp("files") / "telemetry.jsonl"
    rows = [{"device": device, "ts": at.isoformat(), **values} for device, at, values in telemetry()]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    found = readings(source({"kind": "table_files", "path": str(path)}))
    assert len(found) == sum(
        len(values) for _, at, values in telemetry() if HOUR.start <= us_of(at) < HOUR.end
    )  # fmt: skip
    return found


@pytest.mark.parametrize("wide", [True, False])
def test_postgresql_gives_what_files_give(wanted: Any, database: Postgres, wide: bool) -> None:
    def text(one: object) -> str:
        return "'" + str(one).replace("'", "''") + "'"

    columns = "rpm float8, t float8" if wide else "signal text, value float8"
    rows = [
        f"({text(device)}, {text(at.isoformat())}, {values.get('rpm', 'null')}, {values['t']})" for device, at, values in telemetry()
    ] if wide else [
        f"({text(device)}, {text(at.isoformat())}, {text(signal)}, {value})"
        for device, at, values in telemetry() for signal, value in values.items()
    ]  # fmt: skip
    database.sql(
        f"create table same (device_id text, time timestamptz, {columns}); insert into same values {', '.join(rows)}"
    )
    try:
        more = {"values": ["rpm", "t"]} if wide else {}
        assert readings(source(database.settings(table="same", **more))) == wanted
    finally:
        database.sql("drop table same")


@pytest.mark.parametrize("zone", ["", "Europe/Berlin", "UTC"])
def test_sql_server_gives_what_files_give(wanted: Any, sqlserver: StandIn, zone: str) -> None:
    def stored(at: datetime) -> str:
        return at.astimezone(ZoneInfo(zone or "UTC")).replace(tzinfo=None).isoformat(timespec="microseconds")

    kind = "datetime2(7)" if zone else "datetimeoffset(7)"
    sqlserver.sql(f"create table same (device_id nvarchar(50), time {kind}, rpm float, t float)")
    sqlserver.database.connection.executemany(
        "insert into same values (?, ?, ?, ?)",
        [(device, stored(at), values.get("rpm"), values["t"]) for device, at, values in telemetry()],
    )
    try:
        more = {"time_zone": zone} if zone else {}
        assert readings(source(sqlserver.settings(table="same", values=["rpm", "t"], **more))) == wanted
    finally:
        sqlserver.sql("drop table same")


def test_influxdb_gives_what_files_give(wanted: Any, influx: Influx) -> None:
    def tag(name: str) -> str:
        return name.replace(" ", "\\ ").replace(",", "\\,")

    influx.write("\n".join(
        f"same,device={tag(device)} {','.join(f'{name}={value!r}' for name, value in values.items())} {us_of(at)}000"
        for device, at, values in telemetry()
    ))  # fmt: skip
    assert readings(source(influx.settings(measurement="same", values=["t", "rpm"]))) == wanted


def test_a_rest_service_gives_what_files_give(wanted: Any, httpserver: HTTPServer) -> None:
    def answer(request: Request) -> Response:
        rows = [
            {"timestamp": at.isoformat(), **values}
            for device, at, values in telemetry()
            if f"/{device}/" in request.path
        ]
        return Response(json.dumps(rows))

    httpserver.expect_request(re.compile("/.*")).respond_with_handler(answer)
    assert readings(source({"kind": "rest", "url": httpserver.url_for("/api"), "devices": DEVICES})) == wanted


def test_parquet_gives_what_json_lines_give(wanted: Any, tmp_path: Path) -> None:
    rows = [
        {"device": device, "time": at, "signal": signal, "value": value}
        for device, at, values in telemetry() for signal, value in values.items()
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert readings(source({"kind": "table_files", "path": str(tmp_path / "a.parquet")})) == wanted
