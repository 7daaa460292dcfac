"""Windows of verdicts for the fold, written shortly: series -> a value or flag at each window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone

import numpy as np

from ad_stream.grid import MINUTE
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.ledger import Event, SiteOf, no_site
from ad_stream.incidents.rules import FoldRules
from ad_stream.incidents.window_rows import WindowRows
from tests.oracles.incidents import OneRow

NOON = MINUTE.step(datetime(2026, 11, 1, 12, tzinfo=timezone.utc))
"""The window of 2026-11-01 12:00."""


def window_rows(rows: Sequence[OneRow]) -> WindowRows:
    """The rows of one window as the fold takes them."""

    def column(values: Iterable[object], kind: type = np.float64) -> np.ndarray:  # type: ignore[type-arg]
        return np.array(list(values), dtype=kind)

    return WindowRows(
        device=column((row.series[0] for row in rows), object), signal=column((row.series[1] for row in rows), object),
        value=column(row.value for row in rows), expected=column(row.expected for row in rows),
        lower_margin=column(row.margin for row in rows), upper_margin=column(row.margin for row in rows),
        severity=column(row.severity for row in rows), flagged=column((row.flagged for row in rows), np.bool_),
        muted=column((row.muted for row in rows), np.bool_), floor=column(0.0 for _ in rows),
        reason=column(("above" if row.value > 0 else "below" for row in rows), object),
    )  # fmt: skip


def folded(
    windows: Iterable[tuple[int, Sequence[OneRow]]],
    *,
    rules: FoldRules,
    site_of: SiteOf = no_site,
    surges: bool = False,
) -> list[Event]:
    """All rows of the fold over windows of verdicts."""
    fold = Fold(rules, MINUTE, site_of, surges=surges)
    return [row for at, rows in windows for row in fold.step(at, window_rows(rows))]


def minute(clock: str) -> int:
    """'12:05' -> minutes after noon of that day."""
    hours, minutes = clock.split(":")
    return 60 * (int(hours) - 12) + int(minutes)


def clock(at: int | None) -> str | None:
    """The number of a window -> '12:05'."""
    return None if at is None else f"{MINUTE.start(at):%H:%M}"


def day_of(
    out: Mapping[str, str],
    flags: Mapping[str, float],
    *,
    until: str,
    device: str = "pump-1",
    missing: str = "",
    muted: str = "",
) -> list[tuple[int, list[OneRow]]]:
    """Minutes from noon on of one series whose band is -4 to 4: it stands at 10 from `first` to `last` of each pair in out
    (both out), at 0 else. flags: minute -> severity. missing, muted: '12:06-12:40', minutes without a row, or muted."""
    stretches = [(minute(first), minute(last)) for first, last in out.items()]

    def inside(span: str, at: int) -> bool:
        first, _, last = span.partition("-")
        return bool(span) and minute(first) <= at <= minute(last)

    windows = []
    for at in range(minute(until) + 1):
        value = 10.0 if any(first <= at <= last for first, last in stretches) else 0.0
        severity = {minute(one): severity for one, severity in flags.items()}.get(at)
        row = OneRow(
            (device, "t"),
            value,
            severity is not None and not inside(muted, at),
            severity or 0.0,
            muted=inside(muted, at),
        )
        windows.append((NOON + at, [] if inside(missing, at) else [row]))
    return windows
