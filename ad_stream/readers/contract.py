"""The seam: a named source, a range of time -> readings as Arrow record batches. Nothing here knows Spark or pandas."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Generic, TypeVar

import pyarrow as pa

from ad_stream.errors import ConfigError, RunError, did_you_mean
from ad_stream.readers.settings import NamedSource
from ad_stream.times import from_seconds

READINGS = pa.schema(
    [
        ("device", pa.string()),
        ("us", pa.int64()),
        ("signal", pa.string()),
        ("value", pa.float64()),
        ("sequence", pa.string()),
    ]
)
"""us: since 1970 UTC. sequence: what the source numbers or names the row by; null where it does not."""


class SourceAwayError(RunError):
    """The source does not answer now; a later question may do better."""


@dataclass(frozen=True)
class TimeRange:
    """start <= time < end, us since 1970 UTC."""

    start: int
    end: int

    @classmethod
    def between(cls, start: datetime, end: datetime) -> TimeRange:
        """Of two moments."""
        return cls(us_of(start), us_of(end))


@dataclass(frozen=True)
class Only:
    """The readings of one device, and of one of its signals where that is named."""

    device: str
    signal: str | None = None


@dataclass(frozen=True)
class SourceColumn:
    """A column of the source and its type in the source's own words."""

    name: str
    type: str


def us_of(moment: datetime) -> int:
    """A time with a zone -> us since 1970 UTC, exact."""
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment_of(us: int) -> datetime:
    """us since 1970 UTC -> a time, exact."""
    return from_seconds(us // 1_000_000).replace(microsecond=us % 1_000_000)


S = TypeVar("S", bound=NamedSource)


class RangeReader(ABC, Generic[S]):
    """One kind of named source. name: of the source in the configuration, for sentences.

    Errors: ConfigError and InputError where settings or rights are wrong, SetupError where a package is missing,
    SourceAwayError where asking again may help; each one sentence without a secret.
    """

    def __init__(self, name: str, settings: S) -> None:
        self.name = name
        self.settings = settings

    @abstractmethod
    def check(self) -> None:
        """Find out within seconds what would keep `read` from answering."""

    @abstractmethod
    def columns(self) -> list[SourceColumn]:
        """What is there to be named in the settings."""

    @abstractmethod
    def earliest(self) -> int | None:
        """The time of the oldest reading in us since 1970 UTC; None where there is none."""

    @abstractmethod
    def read(self, span: TimeRange, only: Only | None = None) -> Iterator[pa.RecordBatch]:
        """The readings of a span, columns READINGS, in any order, as they arrive."""


def check_presence(name: str, wanted: Mapping[str, str], there: Sequence[str], where: str) -> None:
    """ConfigError for the first setting whose column is not there, with those that are."""
    for setting, column in wanted.items():
        if column not in there:
            near = did_you_mean(column, there) if there else "it has none"
            listed = "" if near.startswith("choose") or not there else f" It has: {', '.join(there)}"
            raise ConfigError(f"sources.{name}.{setting}: {where} has no column {column!r}: {near}{listed}")


def long(batch: pa.RecordBatch, signals: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    """Columns device, us, sequence and then signal and value, or one column of values for each of `signals` -> READINGS.

    Of values side by side an empty cell is a signal that was not measured.
    """
    device, us, sequence, *rest = batch.columns
    if signals is None:
        yield _batch(device, us, rest[0], rest[1], sequence)
        return
    for signal, values in zip(signals, rest, strict=True):
        there = values.is_valid() if values.null_count else None
        parts = [device, us, values, sequence]
        if there is not None:
            parts = [part.filter(there) for part in parts]
        if len(parts[2]):
            yield _batch(parts[0], parts[1], pa.repeat(pa.scalar(signal), len(parts[2])), parts[2], parts[3])


def _batch(device: pa.Array, us: pa.Array, signal: pa.Array, value: pa.Array, sequence: pa.Array) -> pa.RecordBatch:
    columns = [device, us, signal, value, sequence]
    return pa.RecordBatch.from_arrays(
        [one.cast(field.type) for one, field in zip(columns, READINGS, strict=True)], schema=READINGS
    )
