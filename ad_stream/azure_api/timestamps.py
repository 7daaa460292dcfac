"""Timestamps of requests: ISO 8601, and the American form that the service accepted as well."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ISO = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\d*)?\s*(Z|[+-]\d\d:?\d\d)?\s*", re.ASCII | re.I
)
_AMERICAN = re.compile(r"\s*(\d\d?)/(\d\d?)/(\d{4})(?: +(\d\d?):(\d\d)(?::(\d\d))?(?: *([AP])M)?)?\s*", re.ASCII | re.I)


class TimestampError(ValueError):
    """`index`: the first of the texts that is no timestamp."""

    def __init__(self, index: int) -> None:
        super().__init__(f"the timestamp at index {index} is malformed")
        self.index = index


def parse_times(texts: Sequence[object]) -> NDArray[np.datetime64]:
    """(n,) texts -> (n,) datetime64[us]: as written where all share one offset, else in UTC; raises TimestampError.

    Months are counted on the clock of the caller, so a shared offset is left in place.
    """
    local, offsets = [], []
    for index, text in enumerate(texts):
        found = _parts(text) if isinstance(text, str) else None
        if found is None:
            raise TimestampError(index)
        local.append(found[0])
        offsets.append(found[1])
    try:
        times = np.array(local, dtype="datetime64[us]")
    except ValueError:
        raise TimestampError(_first_bad(local)) from None
    if len(set(offsets)) > 1:
        times = times - np.array([_minutes(offset) for offset in offsets], dtype="timedelta64[m]")
    return times


def _parts(text: str) -> tuple[str, str] | None:
    """(local date and time in ISO form, offset) of a timestamp, None if it is none."""
    found = _ISO.fullmatch(text)
    if found:
        return f"{found[1]}T{found[2] or '00:00'}", found[3] or "Z"
    found = _AMERICAN.fullmatch(text)
    if not found:
        return None
    hour = int(found[4] or 0)
    if found[7]:
        hour = hour % 12 + (12 if found[7] in "Pp" else 0)
    date = f"{found[3]}-{int(found[1]):02}-{int(found[2]):02}"
    return f"{date}T{hour:02}:{found[5] or '00'}:{found[6] or '00'}", "Z"


def _minutes(offset: str) -> int:
    if offset in "Zz":
        return 0
    sign = -1 if offset[0] == "-" else 1
    return sign * (int(offset[1:3]) * 60 + int(offset[-2:]))


def _first_bad(texts: list[str]) -> int:
    """The first that is no date, such as the 30th of February."""
    for index, text in enumerate(texts):
        try:
            np.datetime64(text, "us")
        except ValueError:
            return index
    return 0
