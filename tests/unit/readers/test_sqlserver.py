"""The reader of SQL Server against the stand-in of its protocol: types, zones, names, TLS; each refusal is one
sentence without a secret."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ad_stream.errors import AdStreamError, ConfigError
from ad_stream.readers.contract import Only, RangeReader, SourceAwayError, TimeRange, us_of
from ad_stream.readers.local_times import instants
from ad_stream.readers.registry import reader_of, settings_of
from tests.support.sql_server.server import PASSWORD, USER, StandIn

pytestmark = pytest.mark.slow
EVER = TimeRange(us_of(datetime(1900, 1, 1, tzinfo=timezone.utc)), us_of(datetime(2100, 1, 1, tzinfo=timezone.utc)))
HOSTILE = "a'; drop table t; --\"; /* \\ ]] [x %s @P1 {x}"
BERLIN = ZoneInfo("Europe/Berlin")


def reader(server: StandIn, **more: Any) -> RangeReader[Any]:
    section = {"table": "t", **more}
    if "query" in section:
        del section["table"]
    return reader_of("plant", {"plant": settings_of(server.settings(**section))})


def rows(found: RangeReader[Any], span: TimeRange = EVER, only: Only | None = None) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for batch in found.read(span, only) for row in batch.to_pylist()]


@pytest.fixture(scope="module")
def server(sqlserver: StandIn) -> Iterator[StandIn]:
    text, name = HOSTILE.replace("'", "''"), HOSTILE.replace("`", "``")
    sqlserver.sql(
        f"""create table t (device_id nvarchar(200) collate nocase, time datetimeoffset(7), signal varchar(20) collate nocase,
        value decimal(38,10), id bigint, local datetime2(7), flag bit, temp float, rpm int, `{name}` float);
        insert into t values
        ('a', '2026-11-01T00:00:00.000001', 't', 1.5, 1, '2026-10-25T02:30:00', 1, 20.5, null, 7),
        ('A', '2026-11-01T00:00:02.000000', 'T', 2.5, 5, '2026-10-25T02:30:00', 1, 20.5, null, 7),
        ('{text}', '2026-11-01T00:00:01.000000', 't', null, 2, '2026-03-29T02:30:00', 0, null, 3, 8),
        ('c', '2016-02-29T12:00:00.000000', 'u', 12345.0123456789, 9007199254740993, '2026-10-25T01:59:59', null, 1, 4, 9),
        ('d', null, 't', 1, 4, null, null, 1, 1, 1);
        create table `{name}` (device_id nvarchar(200), time datetimeoffset(7), signal varchar(20), value float, `{name}` float);
        insert into `{name}` select device_id, time, signal, value, `{name}` from t; create table secret (x int);"""
    )
    yield sqlserver
    sqlserver.sql(f"drop table t; drop table if exists secret; drop table `{name}`")


def test_a_range_holds_start_and_not_end_to_the_microsecond(server: StandIn) -> None:
    at = us_of(datetime(2026, 11, 1, tzinfo=timezone.utc)) + 1
    assert rows(reader(server), TimeRange(at, at + 1)) == [("a", at, "t", 1.5, None)]
    assert rows(reader(server), TimeRange(at + 1, at + 2)) == rows(reader(server), TimeRange(at - 9, at)) == []
    assert reader(server).earliest() == us_of(datetime(2016, 2, 29, 12, tzinfo=timezone.utc))


def test_numbers_keep_their_value_and_null_stays_null(server: StandIn) -> None:
    found = {row[4]: row[3] for row in rows(reader(server, sequence="id"))}
    assert found == {"1": 1.5, "5": 2.5, "2": None, "9007199254740993": 12345.0123456789}
    wide = rows(reader(server, values={"temperature": "temp", "rpm": "rpm"}))
    assert sorted(row[2:4] for row in wide if row[2] == "rpm") == [("rpm", 3.0), ("rpm", 4.0)]
    assert len([row for row in wide if row[2] == "temperature"]) == 3


def test_a_device_is_that_of_this_case_though_the_server_takes_others_for_it(server: StandIn) -> None:
    assert [row[0] for row in rows(reader(server), only=Only("a"))] == ["a"]
    assert [row[2] for row in rows(reader(server), only=Only("A", "T"))] == ["T"]


def test_local_times_are_those_of_the_named_zone(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    found = {row[0]: row[1] for row in rows(reader(server, time="local", time_zone="Europe/Berlin"))}
    assert found["a"] == us_of(datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN).astimezone(timezone.utc))
    assert found["c"] == us_of(datetime(2026, 10, 25, 1, 59, 59, tzinfo=BERLIN).astimezone(timezone.utc))
    assert found[HOSTILE] == us_of(
        datetime(2026, 3, 29, 1, 30, tzinfo=timezone.utc)
    )  # an hour that the clock leaves out
    utc = {row[0]: row[1] for row in rows(reader(server, time="local", time_zone="UTC"))}
    assert utc["c"] == us_of(datetime(2026, 10, 25, 1, 59, 59, tzinfo=timezone.utc))
    with pytest.raises(ConfigError, match="'local' has no time zone: say which one it is meant in"):
        reader(server, time="local").check()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_each_local_time_is_the_instant_that_postgresql_takes_it_for(zone: str) -> None:
    begin, end = (datetime(2026, month, 1, tzinfo=timezone.utc) for month in (1, 12))
    wall = np.arange(us_of(begin), us_of(end), 600_000_000, dtype=np.int64)
    known = ZoneInfo(zone)

    def slowly(us: int) -> int:
        at = datetime(1970, 1, 1, tzinfo=timezone.utc).timestamp() + us / 1e6
        local = datetime.fromtimestamp(at, timezone.utc).replace(tzinfo=None)
        both = [local.replace(tzinfo=known, fold=fold) for fold in (0, 1)]
        fits = [one for one in both if one.astimezone(timezone.utc).astimezone(known).replace(tzinfo=None) == local]
        standard = next((one for one in fits if not one.dst()), None) or (fits[-1] if fits else both[0])
        return us_of(standard.astimezone(timezone.utc))

    assert instants(wall, zone).tolist() == [slowly(int(us)) for us in wall]


def test_adjoining_ranges_hold_each_local_time_once(server: StandIn) -> None:
    lines = ",".join(
        f"('d', '2026-10-25T{hour:02}:{minute:02}:00.000000', 't', 1)" for hour in range(6) for minute in (0, 20, 40)
    )
    server.sql(
        f"create table w (device_id nvarchar(9), time datetime2(7), signal nvarchar(9), value float); insert into w values {lines}"
    )
    local = reader(server, table="w", time_zone="Europe/Berlin")
    middle = us_of(datetime(2026, 10, 25, 1, tzinfo=timezone.utc))
    bounds = [EVER.start, middle - 1_500_000_000, middle, middle + 1_500_000_000, EVER.end]
    parts = [row for pair in pairwise(bounds) for row in rows(local, TimeRange(*pair))]
    assert sorted(parts) == sorted(rows(local)) and len(parts) == 18
    server.sql("drop table w")


def test_hostile_names_are_names_and_nothing_else(server: StandIn) -> None:
    before = len(server.asked)
    assert [row[0] for row in rows(reader(server), only=Only(HOSTILE, "t"))] == [HOSTILE]
    assert rows(reader(server), only=Only(HOSTILE + "x", HOSTILE)) == []
    assert [row[3] for row in rows(reader(server, values=[HOSTILE]), only=Only(HOSTILE, HOSTILE))] == [8.0]
    assert len(rows(reader(server, table=HOSTILE))) == 4
    assert [one.name for one in reader(server, table=HOSTILE).columns()][-1] == HOSTILE
    for setting in ("device", "time", "signal", "value", "sequence", "table"):
        with pytest.raises(ConfigError):
            reader(server, **{setting: HOSTILE + "x"}).check()
    assert len(rows(reader(server))) == 4 and not [one for one in server.asked[before:] if "drop table t; --'" in one]


def test_what_is_smuggled_into_a_batch_would_be_executed_by_the_stand_in(server: StandIn) -> None:
    """So that the test above could fail."""
    with reader(server)._connected() as connection, connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("select 1; drop table secret")
    with pytest.raises(ConfigError, match="Invalid object name 'secret'"):
        reader(server, table="secret").check()
    server.sql("create table secret (x int)")


def test_a_query_of_ones_own_may_end_in_a_comment(server: StandIn) -> None:
    assert len(rows(reader(server, query="select * from t where value > 1 -- the end"))) == 3


def test_the_connection_is_encrypted_unless_it_is_turned_off(server: StandIn) -> None:
    reader(server).check()
    assert server.encrypted[-1] is True
    reader(server, tls="off").check()
    assert server.encrypted[-1] is False


@pytest.mark.parametrize(
    ("more", "kind", "sentence"),
    [
        ({"password": "wrong-one"}, AdStreamError, "check user, password and database"),
        ({"database": "none"}, AdStreamError, "check user, password and database"),
        ({"table": "no_such"}, ConfigError, "Invalid object name 'no_such'"),
        ({"device": "devise_id"}, ConfigError, "the table 't' has no column 'devise_id': did you mean 'device_id'"),
        ({"value": "signal"}, ConfigError, "the column 'signal' is of type varchar: name one of type bigint"),
        ({"query": "select form t"}, ConfigError, "the server refuses the query"),
        ({"port": 1}, SourceAwayError, "127.0.0.1:1 does not answer as it should"),
    ],
)
def test_what_is_wrong_is_one_sentence_without_a_secret(
    server: StandIn, more: dict[str, Any], kind: type[AdStreamError], sentence: str
) -> None:
    with pytest.raises(kind) as raised:
        reader(server, **more).check()
    told = str(raised.value)
    assert sentence in told and "\n" not in told and PASSWORD not in told and "wrong-one" not in told
    assert raised.value.__cause__ is None


def test_a_refusal_is_told_apart_from_a_server_that_is_away(server: StandIn) -> None:
    """In a process of its own, see UNSAID."""
    lines = (
        "from ad_stream.readers.registry import reader_of, settings_of\n"
        f"reader_of('plant', {{'plant': settings_of({server.settings(table='t', password='wrong-one')!r})}}).check()"
    )
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1] == (
        f"ad_stream.errors.InputError: sources.plant: 127.0.0.1:{server.port} refuses the user 'reader' (Login failed for user"
        " 'reader'): check user, password and database"
    )


def test_a_server_that_is_gone_in_the_middle_is_asked_again(server: StandIn) -> None:
    server.breaks = True
    try:
        with pytest.raises(SourceAwayError, match="does not answer as it should"):
            rows(reader(server))
    finally:
        server.breaks = False
    assert len(rows(reader(server))) == 4


def test_a_client_that_shares_no_code_binds_values_and_reads_the_same_types(server: StandIn) -> None:
    pytds = pytest.importorskip("pytds", reason="python-tds is missing: pip install python-tds")
    with pytds.connect("127.0.0.1", "iot", USER, PASSWORD, port=server.port, autocommit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("select id, temp, device_id, flag from t where device_id = %s and id < %s", (HOSTILE, 2**40))
        assert cursor.fetchall() == [(2, None, HOSTILE, False)]
        with pytest.raises(pytds.ProgrammingError, match="Invalid object name"):
            cursor.execute("select * from none_such where id = %s", (1,))
