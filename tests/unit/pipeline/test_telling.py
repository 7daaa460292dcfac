"""What a run says while it works and when it ends: from the first second, without zeros, in two words."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from types import SimpleNamespace

from ad_stream.pipeline.operation.summary import Summary
from ad_stream.pipeline.operation.telling import Telling, working

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
REPORT = {
    "numInputRows": 34_000, "processedRowsPerSecond": 1234.5, "eventTime": {"watermark": "2026-11-01T09:00:00.000Z"},
    "stateOperators": [{"numRowsTotal": 120}, {"numRowsTotal": 9000}],
}  # fmt: skip


def test_before_the_first_batch_it_says_that_it_reads() -> None:
    assert working([], 7.4, NOW) == "reading: no batch is done yet, after 7 s"


def test_a_line_has_events_rate_windows_and_how_far_behind() -> None:
    told = "68,000 events read lately, 1,234 a second, 120 windows wait to be closed, closed until 2026-11-01 09:00 UTC, 3 hours ago"
    assert working([REPORT, REPORT], 60, NOW) == told
    assert working([SimpleNamespace(json=json.dumps(REPORT))] * 2, 60, NOW) == told


def test_an_idle_stream_has_no_zeros_in_its_line() -> None:
    idle = {"numInputRows": 0, "eventTime": {"watermark": "1970-01-01T00:00:00.000Z"}}
    assert working([idle], 60, NOW) == "0 events read lately"


def test_it_speaks_at_once_then_every_five_seconds_and_only_of_what_changed() -> None:
    told: list[str] = []
    clock = iter([0.0, 0.1, 1.0, 6.0, 12.0, 18.0, 18.5])
    telling = Telling(told.append, lambda: next(clock), lambda: NOW)
    telling([])
    telling([])
    telling([])
    telling([REPORT])
    telling([REPORT])
    telling([REPORT, REPORT], done=True)
    assert [line.split(",")[0] for line in told] == [
        "reading: no batch is done yet", "reading: no batch is done yet", "34", "68",
    ]  # fmt: skip


def test_the_end_has_no_zeros_and_names_what_a_person_has_to_look_at() -> None:
    calm = Summary(batches=3, events=4200, minutes_closed=70, scored=60, warming_up=10, wall_seconds=12.34)
    assert calm.sentence() == (
        "4,200 events read in 3 batches, 12 s\n70 windows closed: 60 scored, 10 warming up, no flagged windows"
    )
    odd = Summary(
        batches=1, events=5, minutes_closed=3, scored=3, anomalies=2, quarantined={"empty": 2, "bad_time": 1}, late=4,
        set_aside=1, pushed=3, push_failed=1, wall_seconds=1.0,
    )  # fmt: skip
    assert odd.sentence().splitlines() == [
        "5 events read in 1 batch, 1 s",
        "3 windows closed: 3 scored, 2 flagged windows",
        "no readings: 2 empty, 1 bad_time; 4 late (tables quarantine, late)",
        "pushed: 3 delivered, 1 failed",
        "SET ASIDE 1 steps (table set_aside)",
    ]
