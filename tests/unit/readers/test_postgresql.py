"""The reader of PostgreSQL against a real server: zones, types, names, rights; each refusal is one sentence without a secret."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ad_stream.errors import AdStreamError, ConfigError, InputError
from ad_stream.readers.contract import Only, RangeReader, SourceAwayError, TimeRange, us_of
from ad_stream.readers.registry import reader_of, settings_of
from tests.support.database_servers import PASSWORD, Postgres

pytestmark = pytest.mark.slow
EVER = TimeRange(-(2**50), 2**52)
HOSTILE = "a'; drop table t; --\"; /* \\ $1 %s {x}"
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=timezone.utc), datetime(2026, 10, 25, 1, tzinfo=timezone.utc),
    datetime(2026, 11, 1, 6, tzinfo=timezone.utc), datetime(2026, 4, 4, 15, tzinfo=timezone.utc),
]  # fmt: skip
"""Of the clock in these zones."""


def reader(server: Postgres, **more: Any) -> RangeReader[Any]:
    section = {"table": "t", **more}
    if "query" in section:
        del section["table"]
    return reader_of("plant", {"plant": settings_of(server.settings(**section))})


def rows(found: RangeReader[Any], span: TimeRange = EVER, only: Only | None = None) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for batch in found.read(span, only) for row in batch.to_pylist()]


@pytest.fixture(scope="module")
def server(database: Postgres) -> Iterator[Postgres]:
    quoted = HOSTILE.replace("'", "''")
    ident = '"' + HOSTILE.replace('"', '""') + '"'
    database.sql(
        f"""create table t (device_id text, time timestamptz, signal text, value numeric(38,10), id bigint, local timestamp,
        flag bool, temp float8, rpm int, {ident} float8);
        insert into t values
        ('a', '2026-11-01T00:00:00.000001Z', 't', 1.5, 1, '2026-10-25 02:30', true, 20.5, null, 7),
        ('{quoted}', '2026-11-01T00:00:01Z', 't', null, 2, '2026-03-29 02:30', false, 'NaN', 3, 8),
        ('c', '2016-02-29T12:00:00Z', 'u', 12345678901234567890.0123456789, 3, '2026-10-25 01:59:59', null, '-Infinity', 4, 9),
        ('d', 'infinity', 't', 1, 4, null, null, 1, 1, 1), ('d', '-infinity', 't', 1, 4, null, null, 1, 1, 1),
        ('d', null, 't', 1, 4, null, null, 1, 1, 1);
        create table {ident} as select * from t; grant select on {ident} to reader;
        create table secret (device_id text, time timestamptz, signal text, value float8);
        revoke all on secret from reader;"""
    )
    yield database
    database.sql(f"drop table t, secret, {ident}")


def test_a_range_holds_start_and_not_end_to_the_microsecond(server: Postgres) -> None:
    at = us_of(datetime(2026, 11, 1, tzinfo=timezone.utc)) + 1
    assert rows(reader(server), TimeRange(at, at + 1)) == [("a", at, "t", 1.5, None)]
    assert rows(reader(server), TimeRange(at + 1, at + 2)) == rows(reader(server), TimeRange(at - 9, at)) == []


def test_numbers_keep_their_value_and_null_stays_null(server: Postgres) -> None:
    found = rows(reader(server, sequence="id"))
    assert sorted((row[4], row[3]) for row in found if row[3] is not None) == [
        ("1", 1.5),
        ("3", 12345678901234567890.0),
    ]
    assert [row[3] for row in found if row[4] == "2"] == [None]


def test_a_code_for_nothing_measured_is_left_out_also_of_four_bytes(database: Postgres) -> None:
    database.sql(
        "create table m as select 'd'::text as device_id, timestamptz '2026-11-01' + n * interval '1 second' as time, 't'::text as signal,"
        " case n when 2 then -999.9::float4 when 3 then -9999 when 4 then null else n end as value from generate_series(1, 5) n"
    )
    try:
        told = [row[3] for row in rows(reader(database, table="m", missing=[-999.9, -9999]))]
        assert told == [1.0, None, 5.0] and len(rows(reader(database, table="m", missing=[-999]))) == 5
    finally:
        database.sql("drop table m")


def test_columns_side_by_side_leave_out_what_was_not_measured(server: Postgres) -> None:
    found = rows(reader(server, values={"temperature": "temp", "rpm": "rpm"}))
    assert sorted((row[2], row[3]) for row in found if row[2] == "rpm") == [("rpm", 3.0), ("rpm", 4.0)]
    temperatures = [row[3] for row in found if row[2] == "temperature"]
    assert (
        sum(math.isnan(value) for value in temperatures) == 1 and -math.inf in temperatures and len(temperatures) == 3
    )


def test_times_without_zone_are_those_of_the_named_zone_whatever_session_and_machine_say(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    found = {row[0]: row[1] for row in rows(reader(server, time="local", time_zone="Europe/Berlin"))}
    berlin = ZoneInfo("Europe/Berlin")
    assert found["a"] == us_of(datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=berlin).astimezone(timezone.utc))
    assert found["c"] == us_of(datetime(2026, 10, 25, 1, 59, 59, tzinfo=berlin).astimezone(timezone.utc))
    assert found[HOSTILE] == us_of(
        datetime(2026, 3, 29, 1, 30, tzinfo=timezone.utc)
    )  # an hour that the clock leaves out


@pytest.mark.parametrize("zone", ZONES)
def test_each_local_time_around_a_change_of_the_clock_is_in_exactly_one_of_adjoining_ranges(
    database: Postgres, zone: str
) -> None:
    database.sql(
        "create table w as select 'd'::text as device_id, ts as time, 't'::text as signal, 1.0::float8 as value from "
        "generate_series(timestamp '2026-10-24', '2026-11-02', '10 minutes') ts union all select 'd', ts, 't', 2 from "
        "generate_series(timestamp '2026-03-07', '2026-04-06', '30 minutes') ts"
    )
    try:
        local = reader(database, table="w", time_zone=zone)
        far = [us_of(datetime(2026, month, day, tzinfo=timezone.utc)) for month, day in ((3, 1), (11, 10))]
        near = [us_of(change) + step * 1_500_000_000 for change in CHANGES for step in (-1, 0, 1, 2)]
        bounds = sorted([*far, *near])
        parts = [row for pair in pairwise(bounds) for row in rows(local, TimeRange(*pair))]
        assert sorted(parts) == sorted(rows(local))
        assert len(parts) == int(database.sql("select count(*) from w"))
    finally:
        database.sql("drop table w")


def test_hostile_names_of_devices_columns_and_tables_are_names_and_nothing_else(server: Postgres) -> None:
    assert [row[0] for row in rows(reader(server), only=Only(HOSTILE, "t"))] == [HOSTILE]
    assert rows(reader(server), only=Only(HOSTILE + "x", HOSTILE)) == []
    assert [row[3] for row in rows(reader(server, values=[HOSTILE]), only=Only(HOSTILE, HOSTILE))] == [8.0]
    assert len(rows(reader(server, table=HOSTILE))) == 3
    for setting in ("device", "time", "signal", "value", "sequence", "table", "schema"):
        with pytest.raises(ConfigError):
            reader(server, **{setting: HOSTILE + "x"}).check()
    assert server.sql("select count(*) from t").strip() == "6"


def test_a_query_of_ones_own_may_end_in_a_comment_and_cannot_write(server: Postgres) -> None:
    assert (
        len(rows(reader(server, query="with all_of_it as (select * from t) select * from all_of_it -- the end"))) == 3
    )
    with pytest.raises(ConfigError, match="refuses the query"):
        reader(server, query="delete from t returning *").check()
    assert server.sql("select count(*) from t").strip() == "6"


def test_the_session_can_only_read(server: Postgres) -> None:
    server.sql(
        "create or replace function spoil() returns int as 'delete from t; select 1' language sql security definer"
    )
    query = "select device_id, time, signal, value, spoil() from t"
    with pytest.raises(AdStreamError, match="read-only transaction"):
        rows(reader(server, query=query, values={"x": "spoil"}))
    assert server.sql("select count(*) from t").strip() == "6"


def test_the_oldest_time_and_the_columns_with_their_types(server: Postgres) -> None:
    assert reader(server).earliest() == us_of(datetime(2016, 2, 29, 12, tzinfo=timezone.utc))
    assert reader(server, query="select * from t where false").earliest() is None
    types = {one.name: one.type for one in reader(server).columns()}
    assert (types["time"], types["local"], types["value"], types["flag"]) == (
        "timestamptz",
        "timestamp",
        "numeric",
        "bool",
    )


SENTENCES = [
    (
        {"device": "devicee_id"},
        ConfigError,
        r"the table 't' has no column 'devicee_id': did you mean 'device_id'\? It has:",
    ),
    ({"time": "local"}, ConfigError, r"the column 'local' has no time zone: say which one it is meant in"),
    ({"value": "flag"}, ConfigError, r"the column 'flag' is of type bool: name one of type"),
    ({"time": "id"}, ConfigError, r"the column 'id' is of type int8: name one of type timestamp, timestamptz"),
    ({"table": "nowhere"}, ConfigError, r'relation "public.nowhere" does not exist'),
    ({"table": "secret"}, InputError, r"permission denied for table secret: grant SELECT to 'reader'"),
    ({"password": "sesame-open"}, InputError, r"refuses the user 'reader' .*: check user and password"),
    ({"user": "nobody"}, InputError, r"refuses the user 'nobody'"),
    ({"database": "nothing"}, ConfigError, r'database "nothing" does not exist'),
    ({"port": 1}, SourceAwayError, r"127.0.0.1:1 does not answer as it should \(Connection refused\)"),
    ({"tls": "require"}, ConfigError, r"cannot be reached as tls: require asks"),
    ({"tls": "verify"}, ConfigError, r"cannot be reached as tls: verify asks"),
]


@pytest.mark.parametrize(("settings", "kind", "sentence"), SENTENCES)
def test_what_cannot_be_read_is_one_sentence_without_a_secret(
    server: Postgres, settings: dict[str, Any], kind: type[AdStreamError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence) as raised:
        reader(server, **settings).check()
    told = str(raised.value)
    assert "\n" not in told and len(told) < 500 and "sesame" not in told and PASSWORD not in told
    assert raised.value.__cause__ is None


def test_a_query_that_takes_too_long_is_ended(server: Postgres) -> None:
    slow = "select device_id, time, signal, value from t, lateral (select pg_sleep(60)) s"
    with pytest.raises(SourceAwayError, match="took longer than its timeout"):
        rows(reader(server, query=slow, timeout=0.2))


def test_a_server_that_is_killed_in_the_middle_of_a_range_is_one_sentence(database: Postgres) -> None:
    columns = "'d' as device_id, timestamptz '2026-11-01Z' as time, 't' as signal, i::float8 as value"
    many = f"select {columns} from generate_series(1, 3000000) i"
    found = reader(database, query=many).read(EVER)
    assert next(found).num_rows > 0
    database.stop()
    try:
        with pytest.raises(SourceAwayError) as raised:
            for _ in found:
                pass
        assert "\n" not in str(raised.value)
    finally:
        database.start()


def test_an_encrypted_connection_is_taken_and_its_certificate_checked_where_that_is_asked(database: Postgres) -> None:
    with with_certificate(database) as certificate:
        reader(database, query="select 1 where false", tls="require").columns()
        reader(database, query="select 1 where false", tls="verify", ca=certificate, host="localhost").columns()
        with pytest.raises(ConfigError, match="cannot be reached as tls: verify asks"):
            reader(database, query="select 1 where false", tls="verify", host="localhost").columns()


@contextlib.contextmanager
def with_certificate(database: Postgres) -> Iterator[str]:
    """The server with a certificate of its own for localhost; -> the file with it."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    data = database.folder / "data"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made += [
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        str(data / "server.key"),
        "-out",
        str(data / "server.crt"),
    ]
    subprocess.run(made, check=True, capture_output=True)
    owner = data.stat().st_uid
    for name in ("server.key", "server.crt"):
        os.chown(data / name, owner, -1)
        (data / name).chmod(0o600)
    (data / "postgresql.auto.conf").write_text("ssl = on\n")
    database.stop()
    database.start()
    try:
        yield str(data / "server.crt")
    finally:
        (data / "postgresql.auto.conf").write_text("")
        database.stop()
        database.start()


def test_several_columns_are_the_device_together_and_names_stay_names(server: Postgres) -> None:
    found = reader(server, dimensions=["rpm", "signal"], values={"temp": "temp", "odd": HOSTILE})
    assert {row[0] for row in rows(found)} == {"/t", "3/t", "4/u"}
    assert [row[0] for row in rows(found, only=Only("4/u", "odd"))] == ["4/u"]
    with pytest.raises(ConfigError, match=r"sources.plant.dimensions.0: .* has no column 'site'"):
        reader(server, dimensions=["site"]).check()
