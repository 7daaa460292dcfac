"""Rows of `detections` as rows of a Power BI streaming dataset: columns, types, JSON, requests' sizes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ad_stream.errors import ConfigError
from ad_stream.push.base import Row, dumped, plain
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.schema import PUSHED

MOST_COLUMNS, MOST_TEXT = 75, 4_000
TABLE = "RealTimeData"
"""What Power BI calls the one table of a streaming dataset."""
_OF = {"timestamp": "DateTime", "string": "String", "double": "Double", "boolean": "Boolean", "long": "Int64"}
TYPES = {column.name: _OF[column.type] for column in DETECTIONS.used(PUSHED)}
"""Column of `detections` -> its type in Power BI."""
SAMPLE = {
    "timestamp": "minute", "deviceId": "device_id", "signal": "signal", "value": "value", "expectedValues": "expected",
    "upperMargins": "upper_margin", "lowerMargins": "lower_margin", "isAnomaly": "is_anomaly",
    "isNegativeAnomaly": "is_negative", "isPositiveAnomaly": "is_positive",
}  # fmt: skip
"""Column of the dataset -> column of `detections`: the names of the original sample."""


def checked(columns: Mapping[str, str] | None) -> dict[str, str]:
    """The columns that are sent; ConfigError names the one that `detections` does not have."""
    chosen = dict(SAMPLE if columns is None else columns)
    for name, source in chosen.items():
        if source not in TYPES:
            raise ConfigError(
                f"the push target 'power_bi' is to fill its column {name!r} from {source!r}, which detections does not "
                f"hold: give one of {', '.join(TYPES)}"
            )
    if not 0 < len(chosen) <= MOST_COLUMNS:
        raise ConfigError(
            f"the option 'columns' of the push target 'power_bi' names {len(chosen)} columns: give 1 to {MOST_COLUMNS}"
        )
    return chosen


def definition(columns: Mapping[str, str]) -> list[dict[str, str]]:
    """The columns as Power BI's REST interface writes them: name and dataType."""
    return [{"name": name, "dataType": TYPES[source]} for name, source in columns.items()]


def encoder(columns: Mapping[str, str]) -> Callable[[Row], bytes]:
    """row -> one JSON object in UTF-8 with these columns and no others; NaN and infinities become null."""
    kinds = [(name, source, _VALUES[TYPES[source]]) for name, source in columns.items()]

    def encode(row: Row) -> bytes:
        return dumped({name: value(row[source]) for name, source, value in kinds})

    return encode


class Pieces:
    """Encoded rows in their order, cut into requests; rows stay until they are dropped."""

    def __init__(self, rows: Iterator[bytes], most_bytes: int, *, frame: int) -> None:
        self._rows, self._most, self._frame = rows, most_bytes, frame
        self._held: deque[bytes] = deque()

    def next(self, most_rows: int) -> list[bytes]:
        """The first rows that make one request of at most `most_rows` rows and the bytes; [] at the end.

        A row that is too long by itself comes alone.
        """
        size, piece = self._frame, list[bytes]()
        for index in range(most_rows):
            if index == len(self._held) and not self._more():
                break
            size += len(self._held[index]) + 1
            if piece and size > self._most:
                break
            piece.append(self._held[index])
        return piece

    def drop(self, count: int) -> None:
        """The first rows are settled."""
        for _ in range(count):
            self._held.popleft()

    def _more(self) -> bool:
        row = next(self._rows, None)
        if row is not None:
            self._held.append(row)
        return row is not None


def _number(value: Any) -> float | None:
    number = math.nan if value is None else float(value)
    return number if math.isfinite(number) else None


_VALUES: dict[str, Callable[[Any], Any]] = {
    "DateTime": plain,
    "String": lambda value: None if value is None else str(value)[:MOST_TEXT],
    "Double": _number,
    "Boolean": lambda value: None if value is None else bool(value),
    "Int64": lambda value: None if value is None else int(value),
}
