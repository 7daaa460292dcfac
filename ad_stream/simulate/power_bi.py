"""A receiver that takes pushes as a Power BI streaming dataset does, checks every limit, and misbehaves on request."""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, NoReturn
from urllib.parse import parse_qs, urlsplit

Trouble = Literal["", "400", "429", "500", "hang", "close", "half"]
COLUMNS = {
    "timestamp": "DateTime",
    "deviceId": "String",
    "signal": "String",
    "value": "Double",
    "expectedValues": "Double",
    "upperMargins": "Double",
    "lowerMargins": "Double",
    "isAnomaly": "Boolean",
    "isNegativeAnomaly": "Boolean",
    "isPositiveAnomaly": "Boolean",
}
"""The dataset's columns and their Power BI types."""
_PATH = "/beta/tenant/datasets/dataset/rows"
_MAX_ROWS, _MAX_BYTES, _TILE_BYTES, _MAX_TEXT, _MAX_PENDING = 10_000, 16_000_000, 15_000, 4_000, 5
_PER_MINUTE, _ROWS_PER_HOUR = 120, 1_000_000
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class PowerBIReceiver:
    """A local push URL on 127.0.0.1 and a free port; a context manager.

    keep_rows            False counts the rows and forgets them
    streaming_tile       whether a request over 15,000 bytes is a violation
    requests_per_second  the dataset's limit; 5 requests may come at once before it bites
    trouble              what happens to the first requests, in turn: "" works, "400" (rows refused), "429" (Retry-After
                         1), "500", "hang" (until the receiver closes), "close" (no answer), "half" (takes the rows and
                         breaks its answer off)
    clock                seconds, for the limits per second, minute and hour

    rows, count, requests say what came; violations holds one sentence for each limit that was broken.
    """

    def __init__(
        self,
        *,
        keep_rows: bool = True,
        streaming_tile: bool = True,
        requests_per_second: float = 1.0,
        trouble: Iterable[Trouble] = (),
        key: str = "local-key",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rows: list[dict[str, Any]] = []
        self.count = 0
        self.requests = 0
        self.violations: list[str] = []
        self._keep_rows, self._key, self._clock = keep_rows, key, clock
        self._most_bytes = _TILE_BYTES if streaming_tile else _MAX_BYTES
        self._per_second = requests_per_second
        self._trouble = iter(trouble)
        self._accepted: deque[tuple[float, int]] = deque()
        self._asked: deque[float] = deque()
        self._pending = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The push URL with its key."""
        return f"http://127.0.0.1:{self._server.server_port}{_PATH}?key={self._key}"

    def __enter__(self) -> PowerBIReceiver:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, path: str, body: bytes) -> tuple[int, str, dict[str, str]]:
        """Judge one request: status, reason, headers. Rows are taken only as a whole."""
        with self._lock:
            now = self._clock()
            problem = self._limits(now)
            if problem:
                self.violations.append(problem)
                return 429, problem, {"Retry-After": "1"}
            if self._most_bytes < len(body) <= _MAX_BYTES:
                self.violations.append(f"{len(body)} bytes in one request stop the streaming tiles")
            try:
                rows = self._read(path, body)
            except _RefusedError as refused:
                self.violations.append(str(refused))
                return refused.status, str(refused), {}
            if sum(count for _, count in self._accepted) + len(rows) > _ROWS_PER_HOUR:
                self.violations.append("more than 1,000,000 rows an hour")
                return 429, "You are over your rows per hour limit for this dataset", {"Retry-After": "3600"}
            self._accepted.append((now, len(rows)))
            self.count += len(rows)
            if self._keep_rows:
                self.rows.extend(rows)
            return 200, "", {}

    def arrive(self) -> Trouble:
        """Count a request that came in; what is to happen to it."""
        with self._lock:
            self.requests += 1
            self._asked.append(self._clock())
            self._pending += 1
            return next(self._trouble, "")

    def leave(self) -> None:
        """A request is over."""
        with self._lock:
            self._pending -= 1

    def wait_for_end(self) -> None:
        """Hold a request until the receiver closes."""
        self._closing.wait()

    def _limits(self, now: float) -> str:
        """The limit per time that is broken, or nothing."""
        while self._asked and self._asked[0] <= now - 60:
            self._asked.popleft()
        while self._accepted and self._accepted[0][0] <= now - 3600:
            self._accepted.popleft()
        # The client spaces its requests at its own end; on the way the spacing changes by some milliseconds.
        window = 5 / self._per_second
        if sum(at > now - window for at in self._asked) > 6:
            return f"more than {self._per_second:g} requests a second"
        if len(self._asked) > _PER_MINUTE:
            return f"more than {_PER_MINUTE} requests a minute"
        if self._pending > _MAX_PENDING:
            return f"more than {_MAX_PENDING} requests pending"
        return ""

    def _read(self, path: str, body: bytes) -> list[dict[str, Any]]:
        address = urlsplit(path)
        if address.path != _PATH:
            raise _RefusedError(404, "there is no such dataset")
        if parse_qs(address.query).get("key") != [self._key]:
            raise _RefusedError(403, "the key is wrong")
        if len(body) > _MAX_BYTES:
            raise _RefusedError(413, f"{len(body)} bytes are more than {_MAX_BYTES}")
        try:
            rows = json.loads(body, parse_constant=_no_constant)
        except ValueError as error:
            raise _RefusedError(400, f"the body is no JSON: {error}") from None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise _RefusedError(400, "the body is no array of objects")
        if len(rows) > _MAX_ROWS:
            raise _RefusedError(400, f"{len(rows)} rows are more than {_MAX_ROWS}")
        for row in rows:
            _check_row(row)
        return rows


class _RefusedError(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def _check_row(row: dict[str, Any]) -> None:
    for name, value in row.items():
        if name not in COLUMNS:
            raise _RefusedError(400, f"the dataset has no column {name!r}")
        if value is None:
            continue
        good = {
            "DateTime": isinstance(value, str) and _DATE.fullmatch(value) is not None,
            "String": isinstance(value, str) and len(value) <= _MAX_TEXT,
            "Double": isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value),
            "Boolean": isinstance(value, bool),
        }[COLUMNS[name]]
        if not good:
            raise _RefusedError(400, f"the column {name!r} is a {COLUMNS[name]} and cannot hold {str(value)[:60]!r}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _handler(receiver: PowerBIReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_POST(self) -> None:
            trouble = receiver.arrive()
            try:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self._answer(trouble, body)
            finally:
                receiver.leave()

        def _answer(self, trouble: Trouble, body: bytes) -> None:
            if trouble == "hang":
                receiver.wait_for_end()
            if trouble in ("hang", "close"):
                self.close_connection = True
            elif trouble in ("400", "429", "500"):
                self._send(int(trouble), "told to", {"Retry-After": "1"} if trouble == "429" else {})
            else:
                status, reason, headers = receiver.take(self.path, body)
                self._send(status, reason, headers, broken_off=trouble == "half")

        def _send(self, status: int, reason: str, headers: dict[str, str], *, broken_off: bool = False) -> None:
            content = json.dumps({"error": {"message": reason}}).encode() if status != 200 else b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content) + (10 if broken_off else 0)))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = self.close_connection or broken_off

        def log_message(self, *_: object) -> None:
            # The standard line would put the key on stderr.
            return

    return Handler
