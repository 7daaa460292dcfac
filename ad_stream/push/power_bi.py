"""Power BI streaming datasets: at least once within a push; what did not get out is reported and not kept.

Limits: learn.microsoft.com/power-bi/developer/embedded/push-datasets-limitations (10,000 rows and 16 MB a request, 1
request a second into a push dataset, 15 KB and 5 requests a second into a streaming one).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone

import requests

from ad_stream.errors import AdStreamError, ConfigError
from ad_stream.http import Patience, Reply, open_session, post
from ad_stream.push.base import Delivery, Rows, State, Which, wanted
from ad_stream.secrets import Secret, redact

MAX_ROWS = 10_000
TILE_BYTES = 15_000
PUSH_BYTES = 16_000_000
_MAX_TEXT = 4_000
_MEASURES = {
    "value": "value",
    "expectedValues": "expected",
    "upperMargins": "upper_margin",
    "lowerMargins": "lower_margin",
}
_FLAGS = {"isAnomaly": "is_anomaly", "isNegativeAnomaly": "is_negative", "isPositiveAnomaly": "is_positive"}
_FINAL = {
    401: "the key is not accepted: copy the push URL again",
    403: "the key is not accepted: copy the push URL again",
    404: "the dataset does not exist any more: create it again and use its push URL",
    410: "the dataset does not exist any more: create it again and use its push URL",
}


class PowerBI:
    """Sends scored rows to the push URL of a streaming dataset: at least once, in order, never raising.

    url                  the push URL with its key; a secret
    rows                 "all" scored rows, or only "anomalies"
    streaming_tile       keep requests within 15,000 bytes, so that tiles on the stream itself stay alive; else 16 MB
    requests_per_second  0.1 to 5; above 2 only for datasets without history, which allow 120 requests a minute
    seconds              budget of one push, 1 to 600; rows whose turn does not come are `not_sent`
    timeout              seconds to wait for one answer, 0.1 to 100
    proxy                URL of a proxy; proxy variables of the environment are not read
    """

    name = "power_bi"

    def __init__(
        self,
        *,
        url: Secret | str | None = None,
        rows: Which = "all",
        streaming_tile: bool = True,
        requests_per_second: float = 1.0,
        seconds: float = 20.0,
        timeout: float = 10.0,
        proxy: str | None = None,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not url:
            raise ConfigError("the push target 'power_bi' has no url: give the push URL as ${env:NAME}")
        if rows not in ("all", "anomalies"):
            raise ConfigError(f"the option 'rows' of the push target 'power_bi' is {rows!r}: give all or anomalies")
        _check("requests_per_second", requests_per_second, 0.1, 5)
        _check("seconds", seconds, 1, 600)
        _check("timeout", timeout, 0.1, 100)
        self.rows: Which = rows
        self._url = url if isinstance(url, Secret) else Secret(url)
        self._most_bytes = TILE_BYTES if streaming_tile else PUSH_BYTES
        self._spacing = 1 / requests_per_second
        self._seconds, self._timeout = seconds, timeout
        self._session = session or open_session(proxy=proxy)
        self._clock, self._sleep = clock, sleep
        self._free_at = -math.inf

    def __repr__(self) -> str:
        return f"PowerBI(url={self._url!r}, rows={self.rows!r})"

    def push(self, rows: Rows) -> list[Delivery]:
        """Send the wanted rows in chunks; one Delivery per chunk, and one for all that was not sent."""
        chosen = wanted(rows, self.rows)
        deadline = self._clock() + self._seconds
        found: list[Delivery] = []
        sent = 0
        stopped = f"the {self._seconds:g} s of this push were used up"
        for body, count in chunks(chosen, self._most_bytes):
            if not self._wait_for_turn(deadline):
                break
            state, error, goes_on = self._send(body, deadline)
            found.append(Delivery(self.name, len(found) + 1, count, state, error))
            sent += count
            if not goes_on:
                stopped = "an earlier request of this push failed"
                break
        if sent < len(chosen):
            found.append(Delivery(self.name, len(found) + 1, len(chosen) - sent, "not_sent", stopped))
        return found

    def _wait_for_turn(self, deadline: float) -> bool:
        """Wait until the next request is allowed; False if that is after the deadline."""
        wait = max(self._free_at - self._clock(), 0.0)
        if self._clock() + wait >= deadline:
            return False
        if wait:
            self._sleep(wait)
        return True

    def _send(self, body: bytes, deadline: float) -> tuple[State, str | None, bool]:
        """One chunk: its state, the error, and whether the next chunk is worth a try."""
        patience = Patience(timeout=self._timeout, budget=deadline - self._clock(), pause=self._spacing)
        try:
            reply = post(
                self._url, body, session=self._session, patience=patience, clock=self._clock, sleep=self._sleep
            )
        except AdStreamError as error:
            return "failed", redact(str(error), self._url), False
        finally:
            self._free_at = self._clock() + self._spacing
        if reply.ok:
            return "delivered", None, True
        # 400 and 413 speak of this chunk's rows only; everything else would meet the next chunk, too.
        return "failed", self._refusal(reply), reply.status in (400, 413)

    def _refusal(self, reply: Reply) -> str:
        said = redact(reply.body[:300].decode("utf-8", "replace"), self._url)
        why = _FINAL.get(reply.status, " ".join(said.split()) or "no reason given")
        return f"Power BI answered {reply.status}: {why}"


def chunks(rows: Rows, most_bytes: int) -> Iterator[tuple[bytes, int]]:
    """JSON arrays in the order of the rows, each with its number of rows; at most 10,000 rows and most_bytes."""
    parts: list[bytes] = []
    size = 2
    for row in rows:
        part = json.dumps(to_row(row), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )
        if parts and (len(parts) == MAX_ROWS or size + len(part) + 1 > most_bytes):
            yield b"[" + b",".join(parts) + b"]", len(parts)
            parts, size = [], 2
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield b"[" + b",".join(parts) + b"]", len(parts)


def to_row(row: Mapping[str, object]) -> dict[str, object]:
    """A row of `detections` under the column names of the original sample; NaN and infinities become null."""
    return {
        "timestamp": _timestamp(row["minute"]),
        "deviceId": str(row["device_id"])[:_MAX_TEXT],
        "signal": str(row["signal"])[:_MAX_TEXT],
        **{column: _number(row[name]) for column, name in _MEASURES.items()},
        **{column: bool(row[name]) for column, name in _FLAGS.items()},
    }


def _timestamp(minute: object) -> str:
    """yyyy-MM-ddTHH:mm:ss.fffZ; a datetime without zone is local time, as Spark hands it over."""
    if not isinstance(minute, datetime):
        raise TypeError(f"minute is a {type(minute).__name__}, not a datetime")
    return minute.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(value: object) -> float | None:
    number = math.nan if value is None else float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def _check(name: str, value: object, least: float, most: float) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # type: ignore[operator]
        text = f"the option {name!r} of the push target 'power_bi' is {value!r}: give {least:g} to {most:g}"
        raise ConfigError(text)
