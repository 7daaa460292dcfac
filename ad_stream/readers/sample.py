"""The first readings of a source, as a person is shown them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from ad_stream.readers.contract import TimeRange, moment_of, us_of
from ad_stream.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ad_stream.readers.contract import RangeReader
    from ad_stream.readers.settings import NamedSource

ROWS = 20
DAY = 86_400_000_000


def sample(reader: RangeReader[NamedSource], start: str | None = None, rows: int = ROWS) -> list[dict[str, Any]]:
    """Of the day that begins at `start`, else at the oldest reading: time (ISO 8601), device, signal, value, sequence."""
    return list(islice(_readings(reader, start), rows))


def _readings(reader: RangeReader[NamedSource], start: str | None) -> Iterator[dict[str, Any]]:
    first = reader.earliest() if start is None else us_of(moment(start))
    if first is None:
        return
    for batch in reader.read(TimeRange(first, first + DAY)):
        for row in batch.to_pylist():
            yield {"time": moment_of(row.pop("us")).isoformat().replace("+00:00", "Z"), **row}
