"""A running stream's counts, asked for over HTTP as Prometheus does."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta, timezone

import pytest
import requests

prometheus = pytest.importorskip("prometheus_client", reason="the package prometheus-client is missing")

from ad_stream.config import Metrics  # noqa: E402
from ad_stream.errors import SetupError  # noqa: E402
from ad_stream.pipeline.operation.metrics import Collector, served  # noqa: E402
from ad_stream.pipeline.operation.summary import Summary  # noqa: E402
from ad_stream.simulate.ports import free_port  # noqa: E402


def asked(port: int) -> dict[str, float]:
    lines = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


@pytest.mark.slow
def test_each_question_gets_the_counts_of_the_moment_and_the_port_is_free_afterwards() -> None:
    summary, port = (
        Summary(events=7, declined=2, push_waiting=6, push_thinned=5, quarantined={"malformed": 3}),
        free_port(),
    )
    for _ in range(2):
        with served(Metrics(port=port), summary):
            before = asked(port)
            summary.events += 5
            summary.lag = 40
            after = asked(port)
        assert after["ad_stream_events_total"] - before["ad_stream_events_total"] == 5
    assert after['ad_stream_verdicts_total{status="declined"}'] == 2
    assert after['ad_stream_quarantined_total{reason="malformed"}'] == 3
    assert after["ad_stream_lag_events"] == 40
    assert (after["ad_stream_push_waiting"], after["ad_stream_push_thinned_total"]) == (6, 5)
    with pytest.raises(requests.ConnectionError):
        asked(port)


def test_the_delay_grows_with_the_clock() -> None:
    at = datetime(2026, 11, 1, tzinfo=timezone.utc)
    shown = Collector(Summary(watermark=at), now=lambda: at + timedelta(minutes=3)).collect()
    delays = [one.samples[0].value for one in shown if one.name == "ad_stream_watermark_delay_seconds"]
    assert delays == [180.0]


def test_a_port_that_is_taken_is_named_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(SetupError, match=rf"127\.0\.0\.1:{port} .*: set another metrics\.port"),
            served(Metrics(port=port), Summary()),
        ):
            pass
