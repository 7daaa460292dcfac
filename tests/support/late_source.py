"""A source whose rows can be seen some time after the time that they bear, and a clock that a test moves."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from ad_stream.readers.contract import READINGS, Only, RangeReader, SourceColumn, TimeRange, moment_of
from ad_stream.readers.settings import NamedSource

SECOND = 1_000_000


@dataclass(frozen=True)
class LateRow:
    """A reading and when it can be seen first, us since 1970 UTC."""

    device: str
    us: int
    value: float
    seen: int
    sequence: str | None = None

    @property
    def key(self) -> tuple[str, int, float]:
        return self.device, self.us, self.value


def late_rows(count: int, start: int, seconds: int, latest: float, seed: int) -> list[LateRow]:
    """Readings over so many seconds, each seen up to `latest` seconds late, a third of them at once."""
    dice = random.Random(seed)
    rows = []
    for number in range(count):
        us = start + dice.randrange(seconds * SECOND)
        late = 0 if dice.random() < 0.33 else int(dice.random() * latest * SECOND)
        rows.append(LateRow(f"d{number % 7}", us, float(number), us + late, str(number) if number % 2 else None))
    return rows


@dataclass
class LateSource(RangeReader[NamedSource]):
    """now: us since 1970 UTC; fails: how many of the next reads break off after their first row."""

    rows: Sequence[LateRow]
    now: int
    settings: NamedSource
    name: str = "late"
    fails: int = 0
    reads: list[TimeRange] = field(default_factory=list)

    def clock(self) -> datetime:
        return moment_of(self.now)

    def check(self) -> None:
        pass

    def columns(self) -> list[SourceColumn]:
        return []

    def earliest(self) -> int | None:
        return min((row.us for row in self.rows if row.seen <= self.now), default=None)

    def read(self, span: TimeRange, only: Only | None = None) -> Iterator[pa.RecordBatch]:
        self.reads.append(span)
        fails, self.fails = self.fails > 0, max(0, self.fails - 1)
        seen = [row for row in self.rows if span.start <= row.us < span.end and row.seen <= self.now]
        for part in (seen[:1], seen[1:]):
            columns: list[Any] = [[row.device for row in part], [row.us for row in part], ["t"] * len(part)]
            columns += [[row.value for row in part], [row.sequence for row in part]]
            yield pa.RecordBatch.from_arrays(
                [pa.array(one, kind) for one, kind in zip(columns, READINGS.types, strict=True)], schema=READINGS
            )
            if fails:
                raise ConnectionError("broken off")
