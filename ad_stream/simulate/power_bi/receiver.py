"""A receiver that takes pushes as a Power BI streaming dataset does, checks every limit, and misbehaves on request."""

from __future__ import annotations

import json
import random
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, cast, get_args

from ad_stream.errors import InputError, SetupError
from ad_stream.simulate.power_bi.rules import (
    API_PATH,
    COLUMNS,
    MOST_BYTES,
    PER_MINUTE,
    PUSH_PATH,
    ROWS_PER_HOUR,
    TILE_BYTES,
    PushRefusedError,
    Rates,
    Row,
    created,
    is_creation,
    rows_of,
)

Trouble = Literal["", "400", "429", "500", "hang", "close", "half"]
TROUBLES: tuple[Trouble, ...] = tuple(kind for kind in get_args(Trouble) if kind not in ("", "400"))


def random_trouble(seed: int, share: float, kinds: Sequence[Trouble] = TROUBLES) -> Iterator[Trouble]:
    """Without end: that share of requests, 0 to 1, meets one of the kinds; the same seed gives the same sequence."""
    dice = random.Random(seed)
    while True:
        yield dice.choice(kinds) if dice.random() < share else ""


def troubles(names: Iterable[str] = TROUBLES) -> tuple[Trouble, ...]:
    """The kinds of these names; InputError names the one that does not exist."""
    found = [name.strip() for name in names]
    for name in found:
        if name not in TROUBLES:
            raise InputError(f"there is no fault {name!r}: write some of {', '.join(TROUBLES)}")
    return cast("tuple[Trouble, ...]", tuple(found))


class PowerBIReceiver:
    """A local push URL and REST address on 127.0.0.1; a context manager.

    port                 0 takes a free one
    keep_rows            False counts the rows and forgets them
    streaming_tile       whether a request over 15,000 bytes is a violation
    requests_per_second  the dataset's limit, beside 120 requests a minute and `requests_per_hour`
    rows_per_hour        what the dataset takes
    trouble              what happens to the requests, in turn: "" works, "400" (rows refused), "429" (Retry-After 1),
                         "500", "hang" (until the other side leaves), "close" (no answer), "half" (takes the rows and
                         breaks its answer off); see `random_trouble`
    poison               a row for which a request is refused
    columns              the dataset's columns and their types
    closed               whether new datasets are refused, as Power BI does it from 2027-10-31 on
    key                  key of the push URL and token of REST
    clock                seconds, for the limits per second, minute and hour

    rows, count, requests, answers say what came; violations holds one sentence for each rule that was broken.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        keep_rows: bool = True,
        streaming_tile: bool = True,
        requests_per_second: float = 1.0,
        requests_per_hour: int = 60 * PER_MINUTE,
        rows_per_hour: int = ROWS_PER_HOUR,
        trouble: Iterable[Trouble] = (),
        poison: Callable[[Row], bool] = lambda _: False,
        columns: Mapping[str, str] = COLUMNS,
        closed: bool = False,
        key: str = "local-key",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rows: list[Row] = []
        self.created: list[Row] = []
        self.count = self.requests = self.anomalies = 0
        self.answers: Counter[str] = Counter()
        self.violations: list[str] = []
        self._keep_rows, self._key, self._columns, self._closed = keep_rows, key, columns, closed
        self._most_bytes = TILE_BYTES if streaming_tile else MOST_BYTES
        self._rates = Rates(requests_per_second, requests_per_hour, rows_per_hour, clock)
        self._trouble, self._poison = iter(trouble), poison
        self._lock = threading.Lock()
        self._closing = threading.Event()
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        except OSError as error:
            raise SetupError(f"port {port} cannot be used ({error.strerror}): name another one with --port") from None
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The push URL with its key."""
        return f"http://127.0.0.1:{self._server.server_port}{PUSH_PATH}?key={self._key}"

    @property
    def api(self) -> str:
        """The address of REST; its dataset is called `dataset`, its token is the key."""
        return f"http://127.0.0.1:{self._server.server_port}{API_PATH}"

    def __enter__(self) -> PowerBIReceiver:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, path: str, authorization: str, body: bytes) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Judge one request: status, answer, headers. Rows are taken only as a whole."""
        with self._lock:
            try:
                if is_creation(path):
                    made = created(authorization, body, self._key, closed=self._closed)
                    self.created.append(made)
                    return 201, made, {}
                return self._take_rows(path, authorization, body)
            except PushRefusedError as refused:
                if not refused.harmless:
                    self.violations.append(str(refused))
                headers = {"Retry-After": str(refused.retry_after)} if refused.status == 429 else {}
                return refused.status, _error(str(refused), refused.code), headers

    def arrive(self) -> Trouble:
        """Count a request that came in; what is to happen to it."""
        with self._lock:
            self.requests += 1
            self._rates.asked.append(self._rates.clock())
            self._rates.pending += 1
            return next(self._trouble, "")

    def leave(self, came_of_it: str) -> None:
        """A request is over."""
        with self._lock:
            self._rates.pending -= 1
            self.answers[came_of_it] += 1

    def hang(self, connection: socket.socket) -> None:
        """Hold a request until the other side leaves or the receiver closes."""
        while not self._closing.wait(0.01):
            if select.select([connection], [], [], 0)[0] and not connection.recv(1, socket.MSG_PEEK):
                return

    def summary(self) -> dict[str, Any]:
        """What came, for people and programs."""
        with self._lock:
            return {
                "requests": self.requests, "rows": self.count, "anomalies": self.anomalies,
                "answers": dict(sorted(self.answers.items())), "violations": list(self.violations),
            }  # fmt: skip

    def _take_rows(self, path: str, authorization: str, body: bytes) -> tuple[int, dict[str, Any], dict[str, str]]:
        if problem := self._rates.broken():
            raise PushRefusedError(429, problem)
        if self._most_bytes < len(body) <= MOST_BYTES:
            self.violations.append(f"{len(body)} bytes in one request stop the streaming tiles")
        rows = rows_of(path, authorization, body, self._key, self._columns)
        if any(map(self._poison, rows)):
            raise PushRefusedError(400, "a row cannot be taken", harmless=True)
        if not self._rates.take(len(rows)):
            raise PushRefusedError(429, f"more than {self._rates.rows_per_hour:,} rows an hour", retry_after=3600)
        self.count += len(rows)
        self.anomalies += sum(row.get("isAnomaly") is True for row in rows)
        if self._keep_rows:
            self.rows.extend(rows)
        return 200, {}, {}


def _error(text: str, code: str = "") -> dict[str, Any]:
    return {"error": {**({"code": code} if code else {}), "message": text}}


def _handler(receiver: PowerBIReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_POST(self) -> None:
            trouble = receiver.arrive()
            said: str = trouble
            try:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                said = self._answer(trouble, body)
            finally:
                receiver.leave(said)

        def _answer(self, trouble: Trouble, body: bytes) -> str:
            if trouble == "hang":
                receiver.hang(self.connection)
            if trouble in ("hang", "close"):
                self.close_connection = True
            elif trouble in ("400", "429", "500"):
                self._send(int(trouble), _error("told to"), {"Retry-After": "1"} if trouble == "429" else {})
            else:
                status, content, headers = receiver.take(self.path, self.headers.get("Authorization", ""), body)
                self._send(status, content, headers, broken_off=trouble == "half")
                return trouble or str(status)
            return trouble

        def _send(
            self, status: int, content: dict[str, Any], headers: dict[str, str], *, broken_off: bool = False
        ) -> None:  # fmt: skip
            written = json.dumps(content).encode() if content else b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(written) + (10 if broken_off else 0)))
            self.end_headers()
            self.wfile.write(written)
            self.close_connection = self.close_connection or broken_off

        def log_message(self, *_: object) -> None:
            # The standard line would put the key on stderr.
            return

    return Handler
