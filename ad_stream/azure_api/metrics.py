"""Counters of the server in the Prometheus text format."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Outcome:
    """How a request ended; 500 until it is known."""

    status: int = 500


class RequestMetrics:
    """Requests by operation and status, and the seconds they took."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: Counter[str] = Counter()

    @contextmanager
    def timing(self, operation: str) -> Iterator[Outcome]:
        """Counts what runs inside."""
        outcome = Outcome()
        start = self._clock()
        try:
            yield outcome
        finally:
            self._requests[operation, outcome.status] += 1
            self._seconds[operation] += self._clock() - start  # type: ignore[assignment]

    def text(self, in_flight: int) -> str:
        """The exposition format, version 0.0.4."""
        lines = ["# TYPE ad_stream_requests_total counter"]
        for (operation, status), count in sorted(self._requests.items()):
            lines.append(f'ad_stream_requests_total{{operation="{operation}",status="{status}"}} {count}')
        lines.append("# TYPE ad_stream_request_seconds_total counter")
        for operation, seconds in sorted(self._seconds.items()):
            lines.append(f'ad_stream_request_seconds_total{{operation="{operation}"}} {seconds:.6f}')
        lines += ["# TYPE ad_stream_requests_in_flight gauge", f"ad_stream_requests_in_flight {in_flight}", ""]
        return "\n".join(lines)
