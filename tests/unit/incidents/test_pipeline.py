"""The stream's own incidents, and its sign of life to a real server."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, cast

import pytest
from pytest_httpserver import HTTPServer as Watched

from ad_stream import config as settings
from ad_stream.incidents.pipeline import PipelineHealth
from ad_stream.pipeline.operation.heartbeat import Heartbeat
from ad_stream.pipeline.operation.pipeline_incidents import PipelineIncidents
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.secrets import Secret

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

T0 = datetime(2026, 11, 1, tzinfo=timezone.utc)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def events(health: PipelineHealth, now: datetime) -> list[tuple[str, str]]:
    return [(row["reason"], row["event"]) for row in health.look(now)]


def test_a_stream_that_closes_no_window_for_too_long_is_stalled_until_it_does() -> None:
    health = PipelineHealth(at(0), timedelta(minutes=10))
    assert events(health, at(10)) == []
    assert events(health, at(10.1)) == [("stalled", "opened")] and health.is_stalled
    assert events(health, at(11)) == []
    health.batch(at(12), newest=at(11), good=5, refused=0)
    assert events(health, at(12)) == [("stalled", "closed")]


def test_lost_events_are_one_incident_until_ten_minutes_went_well() -> None:
    health = PipelineHealth(at(0), timedelta(hours=9))
    health.progress(at(1), {"source_lost": None, "dropped_by_watermark": 0})
    assert events(health, at(1)) == []
    for minute in (2, 9):
        health.progress(at(minute), {"source_lost": 3, "dropped_by_watermark": None})
    assert [events(health, at(minute)) for minute in (9, 18, 19)] == [
        [("losing", "opened")],
        [],
        [("losing", "closed")],
    ]


def test_a_stream_refuses_where_more_than_a_twentieth_and_twenty_go_to_quarantine() -> None:
    health = PipelineHealth(at(0), timedelta(hours=9))
    health.batch(at(1), newest=None, good=100, refused=19)
    assert events(health, at(1)) == []
    health.batch(at(2), newest=None, good=0, refused=1)
    (row,) = health.look(at(2))
    assert (row["reason"], row["why"]) == ("refusing", "20 of 120 went to quarantine within ten minutes")
    health.batch(at(3), newest=None, good=1000, refused=0)
    assert events(health, at(3)) == [("refusing", "closed")]


def test_what_an_earlier_run_left_open_is_closed_by_the_next() -> None:
    first = PipelineHealth(at(0), timedelta(minutes=10))
    (opened,) = first.look(at(11))
    later = PipelineHealth(at(20), timedelta(minutes=10))
    later.adopt(opened)
    (closed,) = later.look(at(21))
    assert (closed["incident_id"], closed["event"], closed["seq"]) == (opened["incident_id"], "closed", 1)


@pytest.mark.slow
def test_a_heartbeat_comes_as_often_as_it_should_while_the_stream_is_well() -> None:
    heard: list[bytes] = []

    class Watcher(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Watcher)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    now = [0.0]
    try:
        beat = Heartbeat(Secret(f"http://127.0.0.1:{server.server_port}/beat"), 300.0, "plant", clock=lambda: now[0])
        given = []
        for seconds, alive in ((0.0, True), (10.0, True), (300.0, False), (301.0, True)):
            now[0] = seconds
            given.append(beat(alive=alive))
        assert given == [True, False, False, True]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert heard == [b'{"stream": "plant"}'] * 2
    gone = Heartbeat(Secret(f"http://127.0.0.1:{server.server_port}/beat"), 300.0, "plant")
    assert gone(alive=True) is False


def test_a_heartbeat_beats_while_incidents_are_off_and_no_row_is_written(
    httpserver: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    httpserver.expect_request("/beat").respond_with_data("")
    config = settings.parse(
        {
            "source": {"kind": "files", "path": "in/*.jsonl"}, "tables": {"path": "tables"}, "trigger": "1 minute",
            "heartbeat": {"url": httpserver.url_for("/beat")},
        }
    )  # fmt: skip
    now = [at(0)]
    no_spark = DeltaTables(cast("SparkSession", None), config.tables)  # a row could not be written, and would be logged
    stream = PipelineIncidents(no_spark, config, now=lambda: now[0])
    stream.start()
    with caplog.at_level(logging.WARNING):
        assert stream.look() is None
        now[0] = at(60)
        assert stream.look() is None
    assert stream.health.is_stalled and caplog.records == []
    assert len(httpserver.log) == 1
