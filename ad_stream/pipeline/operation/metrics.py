"""What a running stream says to Prometheus: the counts of its summary, read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ad_stream import times
from ad_stream.errors import SetupError
from ad_stream.tables.catalog import BATCHES, PROGRESS
from ad_stream.tables.schema import COUNT

if TYPE_CHECKING:
    from ad_stream.config import Metrics
    from ad_stream.pipeline.operation.summary import Summary

STATES = ("scored", "warming_up", "declined")
BESIDE = {*STATES, "quarantined", "push_waiting"}
"""Counters that have a metric of their own shape."""
COUNTS = {
    "batches": "batches that held rows",
    **{
        column.name: column.about
        for column in (*PROGRESS.used(COUNT), *BATCHES.used(COUNT))
        if column.name not in BESIDE
    },
    "push_failed": "rows that a target refused, or that were given up",
    "push_thinned": "normal rows left out, because more came within an hour than a target takes",
    "scoring_seconds": "process time inside the scoring function",
}
"""Field of the summary -> help text; each is a counter of this run, ad_stream_<field>_total."""


@contextmanager
def served(settings: Metrics | None, summary: Summary) -> Iterator[None]:
    """Answer on the configured port while the body runs; SetupError where the port or the package cannot be had."""
    if settings is None:
        yield
        return
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError:
        raise SetupError("the package prometheus-client is missing: pip install 'ad-stream[metrics]'") from None
    registry = CollectorRegistry()
    registry.register(Collector(summary))
    try:
        server, thread = start_http_server(settings.port, settings.host, registry)
    except OSError as error:
        raise SetupError(
            f"metrics cannot be served on {settings.host}:{settings.port} ({error.strerror}): set another metrics.port"
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(eq=False)
class Collector:
    """A summary as Prometheus metrics; counters of a run begin at 0 with it."""

    summary: Summary
    now: Callable[[], datetime] = times.now

    def collect(self) -> Iterator[Any]:
        """What prometheus-client asks for."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        summary = self.summary
        for name, text in COUNTS.items():
            yield CounterMetricFamily(f"ad_stream_{name}", text, value=getattr(summary, name))
        verdicts = CounterMetricFamily("ad_stream_verdicts", "judged minutes by status", labels=["status"])
        for state in STATES:
            verdicts.add_metric([state], getattr(summary, state))
        yield verdicts
        odd = CounterMetricFamily("ad_stream_quarantined", "bad elements by reason", labels=["reason"])
        for reason, count in summary.quarantined.items():
            odd.add_metric([reason], count)
        yield odd
        yield GaugeMetricFamily("ad_stream_push_waiting", "rows still to be pushed", value=summary.push_waiting)
        if summary.lag is not None:
            yield GaugeMetricFamily("ad_stream_lag_events", "events that waited at the source", value=summary.lag)
        if summary.watermark is not None:
            delay = (self.now() - summary.watermark).total_seconds()
            yield GaugeMetricFamily("ad_stream_watermark_delay_seconds", "age of the oldest open minute", value=delay)
