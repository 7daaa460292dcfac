"""What a Power BI streaming dataset accepts: its limits per time, addresses, credentials, and rows."""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

Row = dict[str, Any]
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
PUSH_PATH, API_PATH = "/beta/tenant/datasets/dataset/rows", "/v1.0/myorg"
MOST_ROWS, MOST_BYTES, TILE_BYTES, MOST_TEXT, MOST_PENDING = 10_000, 16_000_000, 15_000, 4_000, 5
PER_MINUTE, ROWS_PER_HOUR = 120, 1_000_000
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_REST = re.compile(rf"{API_PATH}(?:/groups/[^/]+)?/datasets/dataset/tables/RealTimeData/rows")
_CREATE = re.compile(rf"{API_PATH}(?:/groups/[^/]+)?/datasets")


class PushRefusedError(Exception):
    """The answer is this status with this text; `harmless` if no rule of Power BI was broken."""

    def __init__(
        self, status: int, text: str, *, code: str = "", harmless: bool = False, retry_after: int = 1
    ) -> None:  # fmt: skip
        super().__init__(text)
        self.status, self.code, self.harmless, self.retry_after = status, code, harmless, retry_after


@dataclass
class Rates:
    """The limits per time; each request is noted when it arrives, rows when they are taken."""

    per_second: float
    per_hour: int
    rows_per_hour: int
    clock: Callable[[], float]
    asked: deque[float] = field(default_factory=deque)
    taken: deque[tuple[float, int]] = field(default_factory=deque)
    pending: int = 0

    def broken(self) -> str:
        """The limit on requests that the last one broke, or nothing."""
        now = self.clock()
        while self.asked and self.asked[0] <= now - 3600:
            self.asked.popleft()
        second = max(1.0, 1 / self.per_second)
        for most, seconds, span in (
            (max(1, int(self.per_second)), second, f"{second:g} s"),
            (PER_MINUTE, 60.0, "a minute"),
            (self.per_hour, 3600.0, "an hour"),
        ):
            if len(self.asked) > most and self.asked[-1 - most] > now - seconds:
                return f"more than {most} requests in {span}"
        return f"more than {MOST_PENDING} requests pending" if self.pending > MOST_PENDING else ""

    def take(self, rows: int) -> bool:
        """Count the rows; False if the hour has no room for them."""
        now = self.clock()
        while self.taken and self.taken[0][0] <= now - 3600:
            self.taken.popleft()
        if sum(count for _, count in self.taken) + rows > self.rows_per_hour:
            return False
        self.taken.append((now, rows))
        return True


def rows_of(path: str, authorization: str, body: bytes, key: str, columns: Mapping[str, str]) -> list[Row]:
    """The rows of a request; PushRefusedError where Power BI would not take them."""
    address = urlsplit(path)
    rest = _REST.fullmatch(address.path) is not None
    if not rest and address.path != PUSH_PATH:
        raise PushRefusedError(404, "there is no such dataset")
    check_credentials(rest, address.query, authorization, key)
    if len(body) > MOST_BYTES:
        raise PushRefusedError(413, f"{len(body)} bytes are more than {MOST_BYTES}")
    rows = _json(body)
    if rest:
        rows = rows.get("rows") if isinstance(rows, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PushRefusedError(400, "the body holds no array of objects")
    if len(rows) > MOST_ROWS:
        raise PushRefusedError(400, f"{len(rows)} rows are more than {MOST_ROWS}")
    for row in rows:
        _check_row(row, columns)
    return rows


def check_credentials(rest: bool, query: str, authorization: str, key: str) -> None:
    """PushRefusedError without the key of the push URL, or the bearer token of REST (here the same text)."""
    if (rest and authorization != f"Bearer {key}") or (not rest and parse_qs(query).get("key") != [key]):
        raise PushRefusedError(403, "the key is wrong")


def is_creation(path: str) -> bool:
    """Whether the request is to make a dataset."""
    return _CREATE.fullmatch(urlsplit(path).path) is not None


def created(authorization: str, body: bytes, key: str, *, closed: bool) -> Row:
    """The answer to the request for a new dataset; PushRefusedError where creation has ended."""
    check_credentials(True, "", authorization, key)
    if closed:
        raise PushRefusedError(
            400, "Creation of streaming dataset is deprecated.", code="FeatureDeprecatedError", harmless=True
        )
    asked = _json(body)
    columns = asked["tables"][0]["columns"]
    if not asked.get("name") or not all(column.get("name") and column.get("dataType") for column in columns):
        raise PushRefusedError(400, "a dataset has a name, and columns with name and dataType")
    return {"id": "dataset", "name": asked["name"], "columns": columns}


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except ValueError as error:
        raise PushRefusedError(400, f"the body is no JSON: {error}") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _check_row(row: Row, columns: Mapping[str, str]) -> None:
    for name, value in row.items():
        if name not in columns:
            raise PushRefusedError(400, f"the dataset has no column {name!r}")
        if value is not None and not _HOLDS[columns[name]](value):
            raise PushRefusedError(400, f"the column {name!r} is a {columns[name]} and cannot hold {str(value)[:60]!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_HOLDS: dict[str, Callable[[Any], bool]] = {
    "DateTime": lambda value: isinstance(value, str) and _DATE.fullmatch(value) is not None,
    "String": lambda value: isinstance(value, str) and len(value) <= MOST_TEXT,
    "Double": _is_number,
    "Int64": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Boolean": lambda value: isinstance(value, bool),
}
