"""The reader of InfluxDB against a real 1.x server: parameters, quoting, halves of a long answer, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ad_stream.errors import AdStreamError, ConfigError, InputError
from ad_stream.readers import influxdb
from ad_stream.readers.contract import Only, RangeReader, SourceAwayError, TimeRange
from ad_stream.readers.registry import reader_of, settings_of
from tests.support.database_servers import PASSWORD, Influx

pytestmark = pytest.mark.slow
NOON = 1_793_491_200_000_000
EVER = TimeRange(0, 2**52)
HOSTILE = "a'; DROP DATABASE iot; --\" $from {x}"
ODD = 'we"ird, m'


def escaped(text: str) -> str:
    """A tag's value in line protocol."""
    return text.replace(",", "\\,").replace(" ", "\\ ").replace("=", "\\=")


@pytest.fixture(scope="module")
def server(influx: Influx) -> Iterator[Influx]:
    lines = [
        f'{escaped(ODD)},device=a,site=x temp=1.5,n=3i,s="text" {NOON}001',
        f"{escaped(ODD)},device={escaped(HOSTILE)} temp=-2.5 {NOON + 1}000",
        f"{escaped(ODD)},device=a,site=y temp=7 {NOON + 2}999",
        *(f"big,device=d{number % 20} v={number / 8} {NOON + number}000" for number in range(20_000)),
    ]
    influx.write("\n".join(lines))
    yield influx
    influx.ask(f"DROP SERIES FROM {influxdb.ident(ODD)}, big")


def reader(server: Influx, **more: Any) -> RangeReader[Any]:
    section = server.settings(**{"measurement": ODD, "values": ["temp", "n"], **more})
    return reader_of("old", {"old": settings_of(section)})


def rows(found: RangeReader[Any], span: TimeRange = EVER, only: Only | None = None) -> list[tuple[Any, ...]]:
    return [tuple(row.values())[:4] for batch in found.read(span, only) for row in batch.to_pylist()]


def test_a_range_holds_start_and_not_end_and_fields_are_signals(server: Influx) -> None:
    assert sorted(rows(reader(server), TimeRange(NOON, NOON + 2))) == [
        ("a", NOON, "n", 3.0), ("a", NOON, "temp", 1.5), (HOSTILE, NOON + 1, "temp", -2.5),
    ]  # fmt: skip
    assert [row[3] for row in rows(reader(server), TimeRange(NOON + 2, NOON + 3))] == [7.0]
    assert reader(server).earliest() == NOON


def test_hostile_names_are_names_and_nothing_else(server: Influx) -> None:
    assert rows(reader(server), only=Only(HOSTILE)) == [(HOSTILE, NOON + 1, "temp", -2.5)]
    assert rows(reader(server), only=Only(HOSTILE, HOSTILE)) == []
    for setting, value in (("measurement", HOSTILE), ("device", HOSTILE), ("values", [HOSTILE]), ("database", HOSTILE)):
        with pytest.raises((ConfigError, InputError)):
            reader(server, **{setting: value}).check()
    assert len(rows(reader(server))) == 4


def test_an_answer_that_is_too_long_comes_in_parts(server: Influx, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows(reader(server, measurement="big", values=["v"]))
    monkeypatch.setattr(influxdb, "MOST_BYTES", 50_000)
    assert rows(reader(server, measurement="big", values=["v"])) == whole
    assert len(whole) == 20_000


SENTENCES = [
    ({"device": "devise"}, ConfigError, r"has no column 'devise': did you mean 'device'\? It has: n, s, temp"),
    ({"device": "temp"}, ConfigError, r"'temp' is a field: name a tag, one of device, site"),
    ({"values": {"x": "s"}}, ConfigError, r"sources.old.values.x: the field 's' is of type string"),
    ({"measurement": "none"}, InputError, r"has no measurement 'none', or this user does not see it"),
    ({"password": "sesame-open"}, InputError, r"refuses \(authorization failed\)"),
    ({"database": "other"}, InputError, r"requires READ on other"),
    ({"user": None, "password": None, "token": "sesame"}, InputError, r"127.0.0.1 refuses"),
    ({"url": "http://127.0.0.1:1", "timeout": 1}, SourceAwayError, r"cannot be reached: check the address"),
]


@pytest.mark.parametrize(("settings", "kind", "sentence"), SENTENCES)
def test_what_cannot_be_read_is_one_sentence_without_a_secret(
    server: Influx, settings: dict[str, Any], kind: type[AdStreamError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence) as raised:
        reader(server, **settings).check()
    told = str(raised.value)
    assert "\n" not in told and len(told) < 500 and "sesame" not in told and PASSWORD not in told
