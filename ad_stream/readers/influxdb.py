"""InfluxDB by InfluxQL over HTTP: `POST /query`, credentials in a header, what is asked for as parameters."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ad_stream.errors import AdStreamError, ConfigError, InputError
from ad_stream.http import HttpError, Patience, Reply, open_session, post
from ad_stream.readers.contract import (
    Only,
    RangeReader,
    SourceAwayError,
    SourceColumn,
    TimeRange,
    check_presence,
    long,
)
from ad_stream.readers.settings import InfluxdbSource
from ad_stream.secrets import first_line

MOST_BYTES = 16 * 1024 * 1024
"""Of one answer; a span that holds more is asked for in halves."""
NUMBERS = ("float", "integer", "unsigned")


def ident(name: str) -> str:
    """A name as InfluxQL quotes it."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


class InfluxdbReader(RangeReader[InfluxdbSource]):
    """A measurement: a tag names the device, each field is a signal."""

    def check(self) -> None:
        """Asks for the fields and tags, and that those of the settings are among them and hold numbers."""
        there = {one.name: one.type for one in self.columns()}
        where = f"the measurement {self.settings.measurement!r}"
        wanted = {f"values.{signal}": field for signal, field in self.settings.values.items()}
        check_presence(self.name, {"device": self.settings.device, **wanted}, list(there), where)
        if there[self.settings.device] != "tag":
            raise ConfigError(
                f"sources.{self.name}.device: {self.settings.device!r} is a field: name a tag, one of"
                f" {', '.join(name for name, kind in there.items() if kind == 'tag') or '(there is none)'}"
            )
        for setting, field in wanted.items():
            if there[field] not in NUMBERS:
                raise ConfigError(
                    f"sources.{self.name}.{setting}: the field {field!r} is of type {there[field]}: name one of numbers"
                )

    def columns(self) -> list[SourceColumn]:
        """Fields with their types, and tags."""
        measurement = self._measurement()
        reply = self._ask(f"SHOW FIELD KEYS FROM {measurement}; SHOW TAG KEYS FROM {measurement}", {})
        fields, tags = ([row for one in found for row in one["values"]] for found in _series(reply))
        if not fields:
            raise InputError(
                f"sources.{self.name}: the database {self.settings.database!r} has no measurement"
                f" {self.settings.measurement!r}, or this user does not see it: check both names"
            )
        return [*(SourceColumn(name, kind) for name, kind in fields), *(SourceColumn(name, "tag") for (name,) in tags)]

    def earliest(self) -> int | None:
        """By the first point of the measurement that has one of the fields."""
        fields = ", ".join(ident(field) for field in self.settings.values.values())
        reply = self._ask(f"SELECT {fields} FROM {self._measurement()} ORDER BY time LIMIT 1", {})
        (found,) = _series(reply)
        return int(found[0]["values"][0][0]) // 1000 if found else None

    def read(self, span: TimeRange, only: Only | None = None) -> Iterator[pa.RecordBatch]:
        """Point by point in order of time, in as many answers as it takes."""
        values = self.settings.values
        if only is not None and only.signal is not None:
            if only.signal not in values:
                return
            values = {only.signal: values[only.signal]}
        fields = ", ".join(f"{ident(field)}::float" for field in values.values())
        chosen = f"SELECT {ident(self.settings.device)}::tag, {fields} FROM {self._measurement()}"
        where = " WHERE time >= $from AND time < $to" + (
            "" if only is None else f" AND {ident(self.settings.device)}::tag = $device"
        )
        for body in self._bodies(chosen + where, span, only):
            for batch in self._parsed(body, len(values)):
                yield from long(batch, list(values))

    def _bodies(self, query: str, span: TimeRange, only: Only | None) -> Iterator[bytes]:
        bound = {"from": span.start * 1000, "to": span.end * 1000, **({} if only is None else {"device": only.device})}
        try:
            reply = self._ask(query, bound, accept="application/csv")
        except _TooLargeError as error:
            middle = (span.start + span.end) // 2
            if middle in (span.start, span.end):
                raise SourceAwayError(str(error)) from None
            for half in (TimeRange(span.start, middle), TimeRange(middle, span.end)):
                yield from self._bodies(query, half, only)
            return
        yield reply.body

    def _parsed(self, body: bytes, fields: int) -> Iterator[pa.RecordBatch]:
        """CSV (name, tags, time, device, fields) -> device, us, sequence, fields."""
        if not body.strip():
            return
        names = ["name", "tags", "time", "device", *(f"v{number}" for number in range(fields))]
        types = {"time": pa.int64(), "device": pa.string(), **dict.fromkeys(names[4:], pa.float64())}
        try:
            table = csv.read_csv(
                io.BytesIO(body),
                read_options=csv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
                parse_options=csv.ParseOptions(newlines_in_values=True),
                convert_options=csv.ConvertOptions(include_columns=names[2:], column_types=types),
            )
        except pa.ArrowInvalid as error:
            raise SourceAwayError(
                f"sources.{self.name} broke its answer off ({first_line(error)}): ask again"
            ) from None
        time, device, *values = table.columns
        # Points of one time may differ in other tags, so the time in ns names none of them.
        nothing = pa.nulls(table.num_rows, pa.string())
        made = pa.table([device, pc.divide(time, 1000), nothing, *values], names=["d", "u", "s", *names[4:]])
        yield from made.to_batches()

    def _ask(self, query: str, bound: Mapping[str, Any], accept: str = "application/json") -> Reply:
        settings = self.settings
        form = {"q": query, "db": settings.database, "epoch": "ns", "params": json.dumps(bound), "chunked": "true"}
        if accept == "application/json":
            del form["chunked"]
        headers = {"Accept": accept, "Content-Type": "application/x-www-form-urlencoded", **self._credentials()}
        seconds = settings.timeout.total_seconds()
        try:
            with open_session() as session:
                reply = post(
                    f"{settings.url.rstrip('/')}/query", urlencode(form).encode(), session=session, headers=headers,
                    patience=Patience(timeout=seconds, budget=2 * seconds), max_answer=MOST_BYTES,
                )  # fmt: skip
        except HttpError as error:
            if error.kind == "too_large":
                raise _TooLargeError(f"sources.{self.name}: {error}") from None
            raise SourceAwayError(f"sources.{self.name}: {error}") from None
        if reply.ok and not _error_in(reply):
            return reply
        raise self._told(reply)

    def _credentials(self) -> dict[str, str]:
        settings = self.settings
        if settings.token is not None:
            return {"Authorization": f"Token {settings.token.reveal()}"}
        if settings.user is None or settings.password is None:
            return {}
        pair = f"{settings.user}:{settings.password.reveal()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def _measurement(self) -> str:
        settings, policy = self.settings, self.settings.retention_policy
        whole = [settings.measurement] if policy is None else [settings.database, policy, settings.measurement]
        return ".".join(ident(name) for name in whole)

    def _told(self, reply: Reply) -> AdStreamError:
        cause, host = first_line(_error_in(reply) or f"status {reply.status}"), urlsplit(self.settings.url).hostname
        if reply.status in (401, 403):
            return InputError(
                f"sources.{self.name}: {host} refuses ({cause}): check token, or user and password, and their rights"
            )
        if reply.status == 429 or reply.status >= 500:
            return SourceAwayError(
                f"sources.{self.name}: {host} does not answer as it should ({cause}): look at the server"
            )
        return ConfigError(
            f"sources.{self.name}: {host} cannot answer ({cause}): check database, measurement and values"
        )


class _TooLargeError(SourceAwayError):
    """More than MOST_BYTES."""


def _error_in(reply: Reply) -> str:
    """What a reply says of an error, '' where it has none: JSON with a member, or CSV with a column of that name."""
    text = reply.body[:2000].decode("utf-8", "replace")
    if text.startswith("error\n"):
        return text.removeprefix("error\n").strip().strip('"')
    try:
        told = json.loads(reply.body) if "json" in reply.headers.get("content-type", "") else {}
    except ValueError:
        return "it is no JSON"
    inner = next((one["error"] for one in told.get("results", []) if "error" in one), "")
    return str(told.get("error") or inner)


def _series(reply: Reply) -> list[list[dict[str, Any]]]:
    """The series of each statement."""
    return [one.get("series", []) for one in json.loads(reply.body)["results"]]
