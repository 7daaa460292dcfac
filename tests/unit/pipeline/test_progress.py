"""One report of Spark -> one row of the table `progress`."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from ad_stream.pipeline.operation.progress import behind, row
from ad_stream.tables.catalog import PROGRESS

REPORT = {
    "id": "q", "batchId": 3, "durationMs": {"triggerExecution": 40},
    "eventTime": {"watermark": "2026-11-01T00:05:00.000Z"},
    "observedMetrics": {"events": {"events": 17, "non_telemetry": 2}},
    "stateOperators": [
        {"numRowsDroppedByWatermark": 4, "customMetrics": {"numDroppedDuplicateRows": 5}},
        {"numRowsDroppedByWatermark": 1, "customMetrics": {}},
    ],
    "sources": [{"startOffset": {"a": 1}, "endOffset": {"a": 2}, "metrics": {"maxOffsetsBehindLatest": "7"}}],
}  # fmt: skip


def test_every_number_finds_its_column_in_the_order_of_the_table() -> None:
    found = row(REPORT)
    assert set(found) == set(PROGRESS.names)
    counts = ("events", "non_telemetry", "duplicates", "dropped_by_watermark", "source_lost", "lag", "batch_id")
    assert [found[name] for name in counts] == [17, 2, 5, 5, 0, 7, 3]
    assert json.loads(found["offsets"]) == [{"from": {"a": 1}, "to": {"a": 2}}]
    assert json.loads(found["durations"]) == {"triggerExecution": 40}


def test_the_report_of_a_connect_server_gives_the_same_row() -> None:
    told = REPORT["observedMetrics"]["events"]
    as_row = {"values": list(told.values()), "schema": {"type": "struct", "fields": [{"name": name} for name in told]}}
    source = REPORT["sources"][0]
    texts = {name: json.dumps(source[name]) for name in ("startOffset", "endOffset")}
    assert row({**REPORT, "observedMetrics": {"events": as_row}, "sources": [{**source, **texts}]}) == row(REPORT)


def test_lost_events_are_counted_from_the_offsets_of_either_report() -> None:
    start, end = {"iot": {"0": 10, "1": 5}}, {"iot": {"0": 20, "1": 9}}
    for form in (dict, json.dumps):
        report = {
            **REPORT,
            "observedMetrics": {"source": {"read": 11}},
            "sources": [{"startOffset": form(start), "endOffset": form(end)}],
        }
        assert row(report)["source_lost"] == 3


def test_the_watermark_names_the_first_minute_that_is_still_open() -> None:
    assert row(REPORT)["watermark"] == datetime(2026, 11, 1, 0, 6, tzinfo=timezone.utc)


def test_a_report_without_anything_gives_zeros_and_nulls() -> None:
    found = row({"id": "q", "batchId": 0, "eventTime": {"watermark": "1970-01-01T00:00:00.000Z"}})
    assert (found["events"], found["duplicates"], found["lag"], found["watermark"]) == (0, 0, None, None)


def test_what_the_hub_holds_beyond_a_batch_is_its_lag() -> None:
    offsets = json.dumps([{"from": {"iot": {"0": 1, "1": 4}}, "to": {"iot": {"0": 10, "1": 5}}}])
    assert behind(offsets, {"0": 12, "1": 5, "2": 7}) == 9
    assert behind(json.dumps([{"from": None, "to": None}]), {"0": 3}) == 3
