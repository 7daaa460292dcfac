"""`/telemetry/<device>/<days>` as a notebook asks for it, from a table that a run could have written."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import requests
from deltalake import write_deltalake

from ad_stream.azure_api.admission import Keys, Limits
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.server import create_app
from ad_stream.azure_api.telemetry import readings

KEY = "s3cr3t-key"
NOW = datetime.now(timezone.utc).replace(second=0, microsecond=0)
DEVICE = "Machine/1 ä"


def minutes(rows: list[tuple[str, str, int, int, float]]) -> pa.Table:
    """(device, signal, minutes ago, revision, value)"""
    return pa.table({
        "device_id": [row[0] for row in rows],
        "signal": [row[1] for row in rows],
        "minute": pa.array([NOW - timedelta(minutes=row[2]) for row in rows], pa.timestamp("us", "UTC")),
        "revision": pa.array([row[3] for row in rows], pa.int32()),
        "value": [row[4] for row in rows],
    })  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    rows = [
        (DEVICE, "flow", 10, 0, 1.5), (DEVICE, "flow", 11, 0, 1.25), (DEVICE, "flow", 10, 1, 2.5),
        (DEVICE, "Current", 10, 0, 0.1), (DEVICE, "flow", 60 * 24 * 3, 0, 9.0), ("other", "flow", 10, 0, 7.0),
    ]  # fmt: skip
    write_deltalake(str(folder / "minutes"), minutes(rows))
    return folder


@pytest.fixture(scope="module")
def address(tables: Path) -> Iterator[str]:
    with listening(create_app(keys=Keys([KEY]), limits=Limits(workers=1), tables=tables)) as found:
        yield found


def ask(address: str, path: str, **more: Any) -> requests.Response:
    return requests.get(address + path, timeout=60, **more)


def test_pandas_reads_it_by_address_alone_with_the_key_in_it(address: str) -> None:
    frame = pd.read_json(f"{address}/telemetry/Machine%2F1%20%C3%A4/2?code={KEY}", convert_dates=False)  # type: ignore[call-overload]
    assert list(frame.columns) == ["timestamp", "Current", "flow"]
    assert list(frame["timestamp"]) == [f"{NOW - timedelta(minutes=m):%Y-%m-%dT%H:%M:%SZ}" for m in (11, 10)]
    assert list(frame["flow"]) == [1.25, 2.5]
    assert frame["Current"].isna().tolist() == [True, False]


def test_more_days_give_more_rows_and_the_header_will_do(address: str) -> None:
    reply = ask(address, "/telemetry/Machine%2F1%20%C3%A4/7", headers={"Ocp-Apim-Subscription-Key": KEY})
    assert [row["flow"] for row in reply.json()] == [9.0, 1.25, 2.5]


@pytest.mark.parametrize("query", ["", "?code=", "?code=wrong", "?key=s3cr3t-key"])
def test_without_the_key_nothing_is_told(address: str, query: str) -> None:
    reply = ask(address, "/telemetry/other/2" + query)
    assert (reply.status_code, reply.json()["code"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/telemetry/nobody/2", 404, "NoData"),
        ("/telemetry/machine%2F1%20%C3%A4/2", 404, "NoData"),
        ("/telemetry/x' OR '1'='1/2", 404, "NoData"),
        ("/telemetry/other/0", 400, "BadArgument"),
        ("/telemetry/other/-1", 400, "BadArgument"),
        ("/telemetry/other/nan", 400, "BadArgument"),
        ("/telemetry/other/inf", 400, "BadArgument"),
        ("/telemetry/other/367", 400, "BadArgument"),
        ("/telemetry/other/week", 400, "BadArgument"),
        ("/telemetry/other", 404, "NotFound"),
    ],
)
def test_what_cannot_be_answered_is_said(address: str, path: str, status: int, code: str) -> None:
    reply = ask(address, f"{path}?code={KEY}")
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_no_log_has_the_key(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(address, f"/telemetry/other/2?code={KEY}")
        ask(address, f"/telemetry/other/week?code={KEY}")
    told = [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]  # of our caller
    assert KEY not in "\n".join(told)


def test_a_server_without_tables_has_no_such_path(served: str) -> None:
    assert ask(served, "/telemetry/other/2").status_code == 404


def test_a_signal_called_like_the_column_of_times_keeps_its_values(tmp_path: Path) -> None:
    write_deltalake(str(tmp_path / "minutes"), minutes([("a", "timestamp", 1, 0, 5.0), ("a", "x", 1, 0, 6.0)]))
    frame = pd.read_json(io.BytesIO(readings(tmp_path, "a", NOW - timedelta(days=1))), convert_dates=False)
    assert frame.iloc[0].tolist() == [f"{NOW - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}", 5.0, 6.0]
    assert list(frame.columns) == ["timestamp", "timestamp_value", "x"]
