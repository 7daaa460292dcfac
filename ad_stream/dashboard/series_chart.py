"""One series over a stretch of time: from memory where that reaches, else from the table."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.dashboard.formatting import MOST_STORED, iso
from ad_stream.dashboard.kinds import kind_of
from ad_stream.errors import InputError
from ad_stream.incidents.alarms import with_slow_flags
from ad_stream.report import draw
from ad_stream.tables.reader import read_detections

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.dashboard.watcher import Watch


def series(watch: Watch, *, device: str, signal: str, first: datetime, last: datetime) -> dict[str, Any]:
    """first <= start of a window < last -> what a chart draws (`Picture`), with the device's signals.

    InputError where the series was not seen.
    """
    with watch.lock:
        grid = watch.grid
        begin = grid.step(grid.next_start(first))
        end = max(begin, grid.step(grid.next_start(last)) - 1)
        number = watch.fleet.names.find(device, signal)
        signals = _signals(watch, device)
        if number is None:
            known = f", its signals are {', '.join(signals)}" if signals else ""
            raise InputError(
                f"there is no series {device} {signal} in the last day{known}: choose one of the fleet's list"
            )
        rows = _recent(watch, number, begin, end) if begin >= watch.fleet.oldest else None
        newest = int(watch.fleet.last["minute"][number])
    if rows is None:
        where: list[tuple[str, str, str | datetime]] = [
            ("device_id", "=", device),
            ("signal", "=", signal),
            ("minute", ">=", grid.start(begin)),
            ("minute", "<=", grid.start(end)),
        ]
        rows = with_slow_flags(read_detections(watch.tables, where, MOST_STORED))
    drawn = draw(
        rows,
        id="series",
        title=f"{device} · {signal}",
        caption=f"{int((rows['is_anomaly'] == True).sum())} flagged of {len(rows)} {grid.plural}",  # noqa: E712 (null counts as no)
        first=grid.start(begin),
        last=grid.start(end),
        grid=grid,
    )
    told = {"device": device, "signal": signal, "signals": signals, "newest": iso(newest, grid)}
    return drawn.as_dict() | told | {"judged_as": kind_of(rows, device, signal, grid)}


def _signals(watch: Watch, device: str) -> list[str]:
    names = watch.fleet.names
    if device not in names.numbers("devices"):
        return []
    mine = names.device_of == names.numbers("devices")[device]
    return sorted(names.signals[number] for number in names.signal_of[mine])


def _recent(watch: Watch, number: int, begin: int, end: int) -> pd.DataFrame:
    """Rows as `read_detections` gives them, of the windows that memory holds."""
    import pandas as pd

    fleet = watch.fleet
    first, last = max(begin, fleet.oldest), min(end, fleet.newest)
    cells = fleet.cells(number, first, last)
    there, steps = cells["there"], np.arange(first, last + 1)
    reasons = np.array(fleet.names.reasons, dtype=object)
    frame: pd.DataFrame = pd.DataFrame(
        {
            "minute": pd.to_datetime(steps[there] * fleet.grid.seconds, unit="s", utc=True),
            "value": cells["value"][there],
            "expected": cells["expected"][there],
            "lower_margin": (cells["expected"] - cells["lower"])[there],
            "upper_margin": (cells["upper"] - cells["expected"])[there],
            "is_anomaly": cells["flag"][there] != 0,
            "is_positive": cells["flag"][there] > 0,
            "reason": reasons[cells["reason"][there]],
        }
    )
    return frame
