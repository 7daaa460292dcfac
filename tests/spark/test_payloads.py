"""Every form of body in docs/payloads.md becomes the series that stand there, by its section and by what `infer` proposes."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import pytest
from pyspark.sql import Row as SparkRow
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ad_stream.config import Telemetry, parse
from ad_stream.payloads.infer import infer
from ad_stream.pipeline.steps.telemetry import readings
from ad_stream.pipeline.steps.ways_out import detail
from tests.support.payload_table import Row, rows

HUB = datetime(2026, 3, 2, 6, 0, 5, tzinfo=timezone.utc)
EVENT = (
    "body binary, enqueued_time timestamp, device_id string, message_id string, message_source string, source string,"
    " partition string, sequence long"
)
TABLE = rows()
BY_FORM = {row.form: row for row in TABLE}


Found = dict[str, list[SparkRow]]
Wanted = tuple[Mapping[str, Any], str | bytes, datetime]


@pytest.fixture(scope="module", autouse=True)
def _without_compilers(spark: SparkSession) -> Iterator[None]:
    """Plans of one row each are compiled for longer than they run; the compiled ones are those of the other modules."""
    settings = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
    before = {name: str(spark.conf.get(name)) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    yield
    for name, value in before.items():
        spark.conf.set(name, value)


def read_all(spark: SparkSession, cases: Mapping[str, Wanted]) -> Found:
    """Name -> the rows of `readings` for the body of a case, in their order; cases with equal settings share a plan."""
    groups: dict[str, list[str]] = {}
    for name, (telemetry, _, _) in cases.items():
        groups.setdefault(json.dumps(telemetry, sort_keys=True), []).append(name)
    found: Found = {name: [] for name in cases}
    for text, names in groups.items():
        section = json.loads(text)
        config = parse({"source": {"kind": "files", "path": "in"}, "tables": {"path": "out"}, "telemetry": section})
        bodies = [body.encode() if isinstance(body, str) else body for body in (cases[name][1] for name in names)]
        events = [
            (
                bytearray(body),
                cases[name][2],
                None if b'"e"' in body else "d1",
                None,
                None,
                "s",
                str(names.index(name)),
                0,
            )
            for name, body in zip(names, bodies, strict=True)
        ]
        say = F.udf(lambda odd, telemetry=config.telemetry: with_detail(odd, telemetry), "string")
        rows = readings(spark.createDataFrame(events, EVENT), config)
        for row in rows.select("*", say("odd").alias("told"), say("nan_odd").alias("nan_told")).collect():
            found[names[int(row.key.split("|")[2])]].append(row)
    return {name: sorted(rows, key=lambda row: row.element) for name, rows in found.items()}


def with_detail(odd: SparkRow | None, telemetry: Telemetry) -> str | None:
    """'reason: detail', as a row of quarantine says it."""
    if odd is None:
        return None
    off = round((odd.event_time - odd.enqueued_time).total_seconds()) if odd.event_time else None
    said = detail(odd.reason, odd.body, odd.element, off, telemetry)
    return odd.reason if said is None else f"{odd.reason}: {said}"


def series(found: list[SparkRow], device: str = "d1") -> str:
    """'name value, name value' of the good rows, '... of DEVICE' where it is another."""
    out = []
    for row in found:
        if row.odd is None:
            members = row.members if isinstance(row.members, dict) else row.members.asDict()
            of = "" if row.device_id == device else f" of {row.device_id}"
            out += [f"{name} {value:g}{of}" for name, value in members.items() if value is not None]
    return ", ".join(sorted(out))


def told(found: list[SparkRow]) -> list[str]:
    return [text for row in found for text in (row.told, row.nan_told) if text is not None]


@pytest.fixture(scope="module")
def of_the_page(spark: SparkSession) -> Found:
    return read_all(spark, {row.form: (row.telemetry, row.body, HUB) for row in TABLE})


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.form)
def test_a_row_of_the_page_gives_its_series(of_the_page: Found, row: Row) -> None:
    found = of_the_page[row.form]
    assert series(found) == row.series
    assert told(found) == []
    assert {one.minute.minute for one in found} == {0}


INFERRED = [
    row
    for row in TABLE
    if not {"time_zone", "day_first", "switches"} & row.telemetry.keys()
    and row.form not in ("declared paths", "nested objects")
]


@pytest.fixture(scope="module")
def inferred(spark: SparkSession) -> Found:
    return read_all(spark, {row.form: (infer(row.bodies).telemetry, row.body, HUB) for row in INFERRED})


@pytest.mark.parametrize("row", INFERRED, ids=lambda row: row.form)
def test_what_infer_prints_reads_the_sample(inferred: Found, row: Row) -> None:
    # A list that is read by a path names its signals by it; `infer` names the list.
    wanted = row.series.replace("[]", "").replace("values.v", "v") if "[]" in row.series else row.series
    assert (series(inferred[row.form]), told(inferred[row.form])) == (wanted, [])


RAW = zlib.compress(b'{"t":1}')[2:-4]
"""What `content-encoding: deflate` is on half of the senders: without the header of zlib."""
TOLD = {"records": "auto"}
ROWS = {"text": "quarantine"}
N_AND_V = "no_signal: n is the name of a signal and v its value: set telemetry.records:"
ONE_NAME = '[{"name":"t","value":1},{"name":"t","value":2}]'
OPC = '[{"NodeId":"a","DisplayName":"Torque","Value":20.5},{"NodeId":"b","DisplayName":"Speed","Value":1450}]'
AHEAD = "future_time: ts is 7195 s ahead of the hub, local time of a zone? set telemetry.time_zone"
SLASHED = "bad_time: ts is '02/03/2026 06:00', set telemetry.day_first"
LOCAL = {"event_time": "ts", "time_zone": "Europe/Berlin"}

# name: settings, body, series, reasons
CASES: dict[str, tuple[dict[str, Any], str | bytes, str, list[str]]] = {
    "senml_told": (TOLD, BY_FORM["SenML, RFC 8428"].body, "urn:dev:1:hum 54, urn:dev:1:temp 20.5", []),
    "opc_told": (TOLD, OPC, "Speed 1450, Torque 20.5", []),
    "opc_nested_told": (TOLD, BY_FORM["OPC Publisher, nested"].body, "Torque 20.5", []),
    "names_and_values_told": (TOLD, '[{"name":"t","value":1},{"name":"h","value":2}]', "h 2, t 1", []),
    "senml_refused": ({}, BY_FORM["SenML, RFC 8428"].body, "", [f"{N_AND_V} senml; ad-stream infer"] * 2),
    "opc_refused": ({}, OPC, "", ["no_signal: DisplayName is the name of a signal and Value its value"] * 2),
    "names_and_values_refused": (
        {}, '[{"name":"t","value":1},{"name":"h","value":2}]', "",
        ["no_signal: name is the name of a signal and value its value: set telemetry.records: {name: name, value: value}"] * 2,
    ),
    "refused_without_texts": (
        ROWS, '[{"n":"t","v":1},{"n":"h","v":2}]', "", [N_AND_V] * 2,
    ),
    "names_that_are_ignored_are_not_refused": (
        {"records": "off", "ignore": ["name"]}, '[{"name":"t","value":1},{"name":"h","value":2}]', "value 1, value 2", [],
    ),
    "records_off": ({"records": "off"}, OPC, "Value 1450, Value 20.5", []),
    "one_of_several_is_no_object": (
        {"records": {"name": "n", "value": "v"}}, '[{"n":"a","v":1},5,{"n":"b","v":2}]', "a 1, b 2", ["malformed"],
    ),
    "devices_that_have_ids_are_no_records": (
        TOLD, '[{"id":"x","value":1,"deviceId":"d1"},{"id":"y","value":2,"deviceId":"e"}]', "value 1, value 2 of e", [],
    ),
    "objects_with_a_name_are_no_records": (
        TOLD, '[{"name":"t","value":1,"min":0,"max":3},{"name":"h","value":2,"min":1,"max":4}]',
        "max 3, max 4, min 0, min 1, value 1, value 2", [],
    ),
    "objects_with_a_name_are_not_refused": (
        ROWS, '[{"name":"t","value":1,"min":0},{"name":"h","value":2,"min":1}]', "min 0, min 1, value 1, value 2",
        ["not_a_number: name is 't'", "not_a_number: name is 'h'"],
    ),
    "readings_of_one_name_are_no_records": (TOLD, ONE_NAME, "value 1, value 2", []),
    "readings_of_one_name_are_not_refused": (ROWS, ONE_NAME, "value 1, value 2", ["not_a_number: name is 't'"] * 2),
    "one_record_of_a_loose_form": (ROWS, '{"name":"t","value":1}', "value 1", ["not_a_number: name is 't'"]),
    "senml_with_base_value": (TOLD, '[{"bn":"d/","bv":20,"n":"t","v":0.5},{"n":"h","v":1}]', "d/h 21, d/t 20.5", []),
    "senml_text_values_are_left_out": (TOLD, '[{"bn":"d/","n":"t","v":1},{"n":"s","vs":"on"}]', "d/t 1", ["no_signal: "]),
    "volt_and_count_are_no_senml": ({}, '{"n":5,"v":230}', "n 5, v 230", []),
    "two_kinds_at_once": ({}, '{"a":{"b":1},"c":2,"d":[1,2]}', "a.b 1, c 2", []),
    "deeper_than_nested": ({"nested": 1}, '{"a":{"b":{"c":1},"d":2}}', "a.d 2", []),
    "nested_off": ({"nested": 0}, '{"a":{"b":1},"c":2}', "c 2", []),
    "only_nested": (
        {"nested": 0}, '{"applicationId":"x","telemetry":{"temperature":20.5},"at":{"id":7}}', "",
        ["no_signal: the numbers lie deeper, e.g. telemetry.temperature; ad-stream infer prints"],
    ),
    "only_nested_and_declared": (
        {"signals": ["temperature"]}, '{"telemetry":{"temperature":20.5}}', "",
        ["no_signal: none of temperature is there: deeper there is telemetry.temperature; ad-stream infer"],
    ),
    "ids_and_times_inside": ({}, '{"a":{"id":4,"timestamp":1772431201,"v":2}}', "a.v 2", []),
    "a_path_that_is_a_name": ({"signals": ["a.b"]}, '{"a.b":3}', "a.b 3", []),
    "a_path_that_is_a_name_and_a_path": ({}, '{"a.b":3,"a":{"b":4}}', "a.b 4", []),
    "text_that_begins_like_an_object": ({}, '{"t":1,"note":"{oops"}', "t 1", []),
    "repeated_member": ({}, '{"t":1,"t":2,"t":3}', "t 3", []),
    "repeated_nested_member": ({}, '{"a":{"t":1,"t":2}}', "a.t 2", []),
    "only_a_list": ({}, '{"d":[{"v":1}]}', "", ["no_signal: the numbers lie deeper, e.g. d[].v; ad-stream infer"]),
    "words": (
        {}, '{"t":1,"site":"north","fw":"1.2.3","at":"2026-03-02","mac":"00:1B:44:11:3A:B7"}', "t 1", [],
    ),
    "words_quarantined": (ROWS, '{"t":1,"site":"north"}', "t 1", ["not_a_number: site is 'north'"]),
    "only_words": ({}, '{"site":"north"}', "", ["no_signal: no member is a number, it has site"]),
    "decimal_comma": ({}, '{"t":"21,5","h":1}', "h 1", ["not_a_number: t is '21,5' (a decimal comma?)"]),
    "placeholder": ({}, '{"t":"n/a","h":1}', "h 1", ["not_a_number: t is 'n/a'"]),
    "switch_undeclared": ({"signals": ["p"]}, '{"p":"ON"}', "", ["not_a_number: p is 'ON' (name it in telemetry.switches)"]),
    "switch_declared": ({"signals": ["p", "q"], "switches": ["p", "q"]}, '{"p":"ON","q":false}', "p 1, q 0", []),
    "byte_order_mark": ({}, "\ufeff" + '{"t":1}', "t 1", []),
    "trailing_zeros": ({}, '{"t":1}\0\0', "t 1", []),
    "crlf": ({}, '{"t":1}\r\n', "t 1", []),
    "lines": ({}, '{"t":1}\n{"t":2}\r\n{"t":3}\n', "t 1, t 2, t 3", []),
    "pretty_lines_stay_one_array": ({}, '[\n {"t":1},\n {"t":2}\n]', "t 1, t 2", []),
    "gzip": ({}, gzip.compress(b'{"t":1}'), "t 1", []),
    "gzip_where_all_may_be_packed": ({"compressed": True}, gzip.compress(b'{"t":1}'), "t 1", []),
    "gzip_refused": ({"compressed": False}, gzip.compress(b'{"t":1}'), "", ["not_utf8: if bodies are packed"]),
    "deflate_with_its_header": ({}, zlib.compress(b'{"t":1}'), "t 1", []),
    "deflate_of_another_level": ({}, zlib.compress(b'{"t":1}', 1), "t 1", []),
    "begins_like_deflate": ({}, 'x^{"t":1}', "", ["malformed"]),
    "cut_off": ({}, gzip.compress(b'{"t":1}' * 50)[:-30], "", ["not_utf8"]),
    "deflate_without_header": ({"compressed": True}, RAW, "t 1", []),
    "plain_among_packed": ({"compressed": True}, '{"t":1}', "t 1", []),
    "no_body_among_packed": ({"compressed": True}, "", "", ["empty"]),
    "deflate_without_header_undeclared": ({}, RAW, "", ["not_utf8: if bodies are packed, set telemetry.compressed: true"]),
    "gzip_bomb": ({"max_body": 1000}, gzip.compress(b"x" * 10**6), "", ["too_large: set telemetry.max_body"]),
    "bad_time": ({"event_time": "ts"}, '{"t":1,"ts":"soon"}', "", ["bad_time: ts is 'soon'"]),
    "slashes": ({"event_time": "ts"}, '{"t":1,"ts":"02/03/2026 06:00"}', "", [SLASHED]),
    "hours_ahead": ({"event_time": "ts"}, '{"t":1,"ts":"2026-03-02T08:00:00"}', "", [AHEAD]),
    "local_with_its_own_zone": (LOCAL, '{"t":1,"ts":"2026-03-02T06:00:01Z"}', "t 1", []),
    "one_bad_record_among_good": (
        {"elements": "v", "records": {"name": "n", "value": "x"}}, '{"v":[{"n":"a","x":1},{"n":"b","x":"21,5"}]}', "a 1",
        ["not_a_number: b is '21,5' (a decimal comma?)"],
    ),
    "a_list_too_long": ({"elements": "v", "max_elements": 2}, '{"v":[{"a":1},{"a":2},{"a":3}]}', "", ["too_many_elements: set"]),
    "too_many_nested": ({"max_members": 3}, '{"a":{"b":1,"c":2,"d":3,"e":4}}', "", ["too_many_members: set"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def of_cases(spark: SparkSession) -> Found:
    return read_all(spark, {name: (telemetry, body, HUB) for name, (telemetry, body, _, _) in CASES.items()})


@pytest.mark.parametrize("name", CASES)
def test_odd_bodies_are_read_or_say_what_helps(of_cases: Found, name: str) -> None:
    _, _, wanted, reasons = CASES[name]
    found = of_cases[name]
    assert series(found) == wanted
    assert len(told(found)) == len(reasons)
    assert all(one.startswith(reason) for one, reason in zip(told(found), reasons, strict=True)), told(found)


# text: (settings, hub's time, instant)
T = "2026-03-02T06:00:01+00:00"
CLOCKS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    **{text: ({}, T, T) for text in (
        "2026-03-02T06:00:01Z", "2026-03-02 06:00:01", "2026-03-02T06:00:01,000Z", "2026-03-02T08:00:01+02:00", "2026-03-02T06:00:01+0000",
        "2026-03-02 06:00:01 UTC", "2026-03-02 06:00:01 GMT", "20260302T060001Z", "20260302060001", "1772431201", "1772431201000",
        "1772431201000000", "1772431201000000000", "Mon, 02 Mar 2026 06:00:01 GMT", "2 Mar 2026 06:00:01 +0000", "02.03.2026 06:00:01",
        "/Date(1772431201000)/", '{"$date":"2026-03-02T06:00:01Z"}', '{"$date":{"$numberLong":"1772431201000"}}',
    )},
    "02/03/2026 06:00:01": ({"day_first": True}, T, T),
    "3/2/2026 6:00:01 AM": ({"day_first": False}, T, T),
    "2026-03-02T07:00:01": ({"time_zone": "Europe/Berlin"}, T, T),
    "02.03.2026 07:00:01": ({"time_zone": "Europe/Berlin"}, T, T),
    "2026-03-02T01:00:01": ({"time_zone": "America/New_York"}, T, T),
    # The clock shows 02:30 twice that night; the hub's time tells which. It never shows 02:30 in March.
    "2026-10-25T02:30:00": ({"time_zone": "Europe/Berlin"}, "2026-10-25T00:30:02+00:00", "2026-10-25T00:30:00+00:00"),
    "2026-10-25 02:30:00": ({"time_zone": "Europe/Berlin"}, "2026-10-25T01:30:02+00:00", "2026-10-25T01:30:00+00:00"),
    "2026-03-29T02:30:00": ({"time_zone": "Europe/Berlin"}, "2026-03-29T01:30:02+00:00", "2026-03-29T01:30:00+00:00"),
    " 1772431201": ({"time_unit": "s"}, T, T),
    **{text: ({}, T, None) for text in (
        "soon", "12:34", "2026", "12345", "02/03/2026 06:00:01 ", "99.99.2026 10:00", "2026-02-30T00:00:00Z",
    )},
}  # fmt: skip


@pytest.fixture(scope="module")
def of_clocks(spark: SparkSession) -> Found:
    def body(text: str) -> str:
        return json.dumps({"t": 1, "ts": json.loads(text) if text.startswith("{") else text})

    return read_all(spark, {
        text: ({"event_time": "ts", **settings}, body(text), datetime.fromisoformat(hub))
        for text, (settings, hub, _) in CLOCKS.items()
    })  # fmt: skip


@pytest.mark.parametrize("text", CLOCKS)
def test_times_are_read_in_every_form(of_clocks: Found, text: str) -> None:
    _, hub, wanted = CLOCKS[text]
    (row,) = of_clocks[text]
    found = None if row.odd is not None else row.event_time.astimezone(timezone.utc)
    at = datetime.fromisoformat(hub)
    assert found == (None if wanted is None else min(at, datetime.fromisoformat(wanted)))
