"""A service that answers `GET <url>/<device>/<days>` with JSON, page by page; 429 and Retry-After are heeded (ad_stream.http)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa

from ad_stream.errors import AdStreamError, ConfigError, InputError
from ad_stream.http import HttpError, Patience, Reply, get, open_session
from ad_stream.readers.contract import (
    READINGS,
    Only,
    RangeReader,
    SourceAwayError,
    SourceColumn,
    TimeRange,
    check_presence,
    us_of,
)
from ad_stream.readers.settings import RestSource
from ad_stream.readings.times import parse_times
from ad_stream.secrets import first_line
from ad_stream.times import now as system_clock

DAY_US = 86_400_000_000
LONGEST_DAYS = 366
MOST_PAGES = 10_000


class RestReader(RangeReader[RestSource]):
    """Devices are asked for one by one; an answer reaches back whole days from now, what is outside the span is dropped."""

    clock: Callable[[], datetime] = staticmethod(system_clock)

    def check(self) -> None:
        """Asks for a day of the first device, and that the members of the settings are in its answer, if it has any."""
        rows = next(self._pages(self.settings.devices[0], 1), [])
        if rows:
            wanted = {f"values.{name}": member for name, member in (self.settings.values or {}).items()}
            there = [one.name for one in _columns_of(rows)]
            check_presence(self.name, {"time": self.settings.time, **wanted}, there, "the answer")

    def columns(self) -> list[SourceColumn]:
        """Of the answer for a year of the first device."""
        return _columns_of(next(self._pages(self.settings.devices[0], LONGEST_DAYS), []))

    def earliest(self) -> int | None:
        """The oldest time that an answer of a year holds."""
        end = us_of(self.clock()) + 1
        found = [
            int(np.min(batch.column("us").to_numpy()))
            for batch in self.read(TimeRange(end - LONGEST_DAYS * DAY_US, end))
        ]
        return min(found, default=None)

    def read(self, span: TimeRange, only: Only | None = None) -> Iterator[pa.RecordBatch]:
        """Of each device in turn; InputError where the span begins more than a year ago."""
        back = us_of(self.clock()) - span.start
        days = max(1, math.ceil(back / DAY_US))
        if days > LONGEST_DAYS:
            raise InputError(f"sources.{self.name}: the service answers for {LONGEST_DAYS} days at most: begin later")
        for device in self.settings.devices if only is None else [only.device]:
            if device in self.settings.devices:
                for rows in self._pages(device, days):
                    yield from self._readings(device, rows, span, None if only is None else only.signal)

    def _readings(
        self, device: str, rows: list[dict[str, Any]], span: TimeRange, signal: str | None
    ) -> Iterator[pa.RecordBatch]:
        if not rows:
            return
        times = self._times(device, rows)
        inside = (times >= span.start) & (times < span.end)
        members = self.settings.values or {one.name: one.name for one in _columns_of(rows) if one.type == "number"}
        for name, member in members.items():
            if member == self.settings.time or (signal is not None and name != signal):
                continue
            values = np.array([_number(row.get(member)) for row in rows], dtype=np.float64)
            kept = inside & ~np.isnan(values)
            count = int(kept.sum())
            if count:
                columns = [pa.repeat(device, count), times[kept], pa.repeat(name, count), values[kept]]
                yield pa.RecordBatch.from_arrays(
                    [*(pa.array(one) for one in columns), pa.nulls(count, pa.string())], schema=READINGS
                )

    def _times(self, device: str, rows: list[dict[str, Any]]) -> np.ndarray[Any, np.dtype[np.int64]]:
        texts = pd.Series([str(row.get(self.settings.time, "")) for row in rows])
        found = parse_times(
            texts, lambda row: f"sources.{self.name}: row {row + 1} of {device!r}", zone=self.settings.time_zone
        )
        return found.ms * 1000

    def _pages(self, device: str, days: int) -> Iterator[list[dict[str, Any]]]:
        base = f"{self.settings.url.rstrip('/')}/{quote(device, safe='')}/{days}"
        address: str | None = base
        for _ in range(MOST_PAGES):
            if address is None:
                return
            rows, following = self._page(address)
            yield rows
            address = None if following is None else self._beside(base, urljoin(address, following))
        raise SourceAwayError(
            f"sources.{self.name}: the answer for {device!r} has more than {MOST_PAGES} pages: look at it"
        )

    def _beside(self, base: str, following: str) -> str:
        """The key goes to no other host."""
        if urlsplit(following)[:2] != urlsplit(base)[:2]:
            raise InputError(
                f"sources.{self.name}: the answer leads to another host for its next page: set url to that one"
            )
        return following

    def _page(self, address: str) -> tuple[list[dict[str, Any]], str | None]:
        settings, seconds = self.settings, self.settings.timeout.total_seconds()
        headers = {} if settings.token is None else {"Authorization": f"Bearer {settings.token.reveal()}"}
        if settings.code is not None and "code=" not in urlsplit(address).query:
            address += f"{'&' if '?' in address else '?'}code={quote(settings.code.reveal(), safe='')}"
        try:
            with open_session() as session:
                patience = Patience(timeout=seconds, budget=4 * seconds)
                reply = get(
                    address, session=session, headers={"Accept": "application/json", **headers}, patience=patience
                )
        except HttpError as error:
            raise SourceAwayError(f"sources.{self.name}: {error}") from None
        if reply.status == 404:  # nothing is known of the device in that time
            return [], None
        if not reply.ok:
            raise self._told(reply)
        return self._rows(reply)

    def _rows(self, reply: Reply) -> tuple[list[dict[str, Any]], str | None]:
        try:
            told = json.loads(reply.body)
        except ValueError as error:
            raise InputError(f"sources.{self.name}: the answer is no JSON ({first_line(error)}): check url") from None
        rows, following = (told.get("rows"), told.get("next")) if isinstance(told, dict) else (told, None)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(
                f"sources.{self.name}: the answer is no list of objects, nor has it one as `rows`: check url"
            )
        return rows, str(following) if following else None

    def _told(self, reply: Reply) -> AdStreamError:
        host = urlsplit(self.settings.url).hostname
        if reply.status in (401, 403):
            return InputError(f"sources.{self.name}: {host} refuses (status {reply.status}): check code or token")
        if reply.status == 429 or reply.status >= 500:
            return SourceAwayError(
                f"sources.{self.name}: {host} does not answer as it should (status {reply.status}): ask later"
            )
        return ConfigError(f"sources.{self.name}: {host} cannot answer (status {reply.status}): check url and devices")


def _columns_of(rows: list[dict[str, Any]]) -> list[SourceColumn]:
    """Members of the objects, in the order in which they come: number where each that is there is one, else text."""
    found: dict[str, str] = {}
    for row in rows:
        for member, value in row.items():
            if value is not None:
                kind = "number" if _is_number(value) else "text"
                found[member] = kind if found.get(member, kind) == kind else "text"
    return [SourceColumn(name, kind) for name, kind in found.items()]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Mapping[str, Any] | object) -> float:
    return float(value) if _is_number(value) else math.nan  # type: ignore[arg-type]
