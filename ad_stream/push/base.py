"""The seam between the stream and whoever wants its rows at once: one method, `Target.push`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, Protocol, cast, get_args

from ad_stream.errors import ConfigError
from ad_stream.incidents.rules import LEVELS
from ad_stream.push.limits import HourlyRows
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.schema import FLAG, PUSHED

Row = Mapping[str, object]
"""A scored row of `detections`: the columns of `COLUMNS` with Python values; `minute` is an aware datetime."""
COLUMNS = DETECTIONS.named(PUSHED)
FLAGS = DETECTIONS.named(FLAG)
"""The columns that make a row an anomaly, each by itself."""
Which = Literal["all", "anomalies", "joint", "incidents:low", "incidents:medium", "incidents:high"]
"""Which rows a target wants: all scored ones, the flagged ones, the flagged ones of signals together, or what people are told of
incidents of a level or above."""
State = Literal["delivered", "set_aside", "held", "thinned", "expired", "failed", "not_sent"]
STATES: dict[State, str] = {
    "delivered": "the target took the rows",
    "set_aside": "the target takes other rows but refuses this one",
    "held": "the series was told of within its cool-down",
    "thinned": "normal rows left out, because more rows came within an hour than the target takes",
    "expired": "could not be delivered for 24 hours and will not be sent any more",
    "failed": "the target said no, or nothing; to be sent again",
    "not_sent": "their turn did not come; to be sent",
}
"""What each `state` of the table `deliveries` means."""
SETTLED: frozenset[State] = frozenset(get_args(State)) - {"failed", "not_sent"}
"""States of rows that are not sent again."""


LOST: tuple[State, ...] = ("set_aside", "expired")
"""States of rows that a target refused, or that were given up."""


@dataclass(frozen=True)
class Delivery:
    """What became of the next `rows` rows; `error` is one sentence without secrets."""

    rows: int
    state: State
    error: str | None = None


class Target(Protocol):
    """Takes the rows of batches after their commit.

    name     how the table `deliveries` calls it
    rows     which rows it wants
    seconds  how long it may keep a batch
    hourly   its budget of rows, None where it takes any number
    """

    @property
    def name(self) -> str: ...
    @property
    def rows(self) -> Which: ...
    @property
    def seconds(self) -> float: ...
    @property
    def hourly(self) -> HourlyRows | None: ...

    def push(self, rows: Iterator[Row], seconds: float) -> Iterator[Delivery]:
        """Send rows in their order and say of each what became of it, until they end or the seconds are over.

        Deliveries count the rows off from the first one on. The last may be `failed` or `not_sent` with 0 rows: why
        all that follows is still to be sent. Takes few more rows than it settles; never raises on what the other side
        does.
        """
        ...


def is_flagged(row: Row) -> bool:
    """Whether either verdict flags the row; a row of an incident has no such columns and is never a normal one."""
    return any(row.get(name, True) is True for name in FLAGS)


def check_range(kind: str, name: str, value: object, least: float, most: float) -> None:
    """ConfigError unless the option is a number from least to most."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # type: ignore[operator]
        raise ConfigError(f"the option {name!r} of the push target {kind!r} is {value!r}: give {least:g} to {most:g}")


def check_choice(kind: str, name: str, value: object, *choices: str) -> None:
    """ConfigError unless the option is one of the choices."""
    if value not in choices:
        known = " or ".join([", ".join(choices[:-1]), choices[-1]])
        raise ConfigError(f"the option {name!r} of the push target {kind!r} is {value!r}: give {known}")


def which_rows(kind: str, rows: object, at_least: object) -> Which:
    """The options `rows` and `at_least` of a target that takes incidents, too; ConfigError where they are none."""
    check_choice(kind, "rows", rows, "all", "anomalies", "incidents", "joint")
    check_choice(kind, "at_least", at_least, *LEVELS)
    return cast("Which", f"incidents:{at_least}" if rows == "incidents" else rows)


def plain(value: Any) -> Any:
    """A value that JSON has: times as yyyy-MM-ddTHH:mm:ss.fffZ, NaN and infinities as null."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return None if isinstance(value, float) and value - value != 0 else value


def dumped(content: Any) -> bytes:
    """JSON in UTF-8; a lone surrogate is none and becomes a question mark."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
