"""What the stream flagged beside what was injected: found, missed, false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.grid import MINUTE, Grid, length
from ad_stream.incidents.alarms import Alarm, alarms_of, with_slow_flags
from ad_stream.incidents.events import SILENCE
from ad_stream.model import REFRACTORY
from ad_stream.own_data.verdicts import means

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.model import Bools
    from ad_stream.simulate import Fault

SUDDEN = ("spike", "dip", "level_shift")
WITHIN, BEFORE, AFTER = 3, 1, 10
"""Windows."""

SeriesKey = tuple[str, str]


@dataclass(frozen=True)
class FaultOutcome:
    """What became of one fault; delay_minutes is counted from its start, note says why it was flagged or not."""

    fault: Fault
    found: bool
    delay_minutes: int | None
    note: str


@dataclass(frozen=True)
class FaultComparison:
    """outcomes in the order of the faults; alarms in the order of device, signal, time; clear: scored windows outside the
    faults."""

    outcomes: Sequence[FaultOutcome]
    alarms: Sequence[Alarm]
    false_flags: int
    clear: int
    grid: Grid = MINUTE

    @property
    def false_alarms_per_series_day(self) -> float:
        """Alarms per day of scored windows outside the faults."""
        days = self.clear * self.grid.every / timedelta(days=1)
        return len(self.alarms) / days if days else 0.0


def definition(grid: Grid) -> str:
    """What counts as found and as a false alarm, for people."""
    one, some = ("minute", "minutes") if grid == MINUTE else ("window", f"windows of {grid.text}")
    return (
        f"Found: spike, dip and level shift are flagged within {WITHIN} {some} of their start; drift and stuck at any {one} from"
        f" start to end, by either verdict; silence by an incident of its device that opens before it is over. False alarm: a"
        f" flagged {one} outside every fault of its device and signal, 1 {one} before to {AFTER} {some} after it; flagged {one}s at"
        f" most {length(near(grid))} apart are one alarm. The rate is per day of scored {one}s outside the faults."
    )


def near(grid: Grid) -> timedelta:
    """How far apart two flags may be that are one alarm."""
    return grid.refractory(REFRACTORY) * grid.every


def compare(
    faults: Iterable[Fault], detections: pd.DataFrame, grid: Grid = MINUTE, incidents: Sequence[Mapping[str, Any]] = ()
) -> FaultComparison:  # fmt: skip
    """Faults and the rows of `detections`, in windows of `grid` -> what was found, missed and flagged for nothing.

    incidents: as `monitoring.incidents.incidents` lists them; without them no silence is found.
    """
    series = by_series(with_slow_flags(detections))
    faults = list(faults)
    touched: dict[SeriesKey, list[Fault]] = {key: [] for key in series}
    for fault in faults:
        for key in keys_of(fault, series):
            touched[key].append(fault)
    alarms: list[Alarm] = []
    false_flags = clear = 0
    for key, rows in series.items():
        outside = _outside(rows, touched[key], grid)
        flagged = outside & rows["is_anomaly"].to_numpy(dtype=bool)
        clear += int((outside & (rows["status"] == "scored").to_numpy()).sum())
        false_flags += int(flagged.sum())
        alarms += alarms_of(rows[flagged], near(grid))
    outcomes = [
        silence(fault, incidents) if fault.kind == SILENCE else outcome(fault, series, grid) for fault in faults
    ]
    return FaultComparison(outcomes, alarms, false_flags, clear, grid)


def by_series(detections: pd.DataFrame) -> dict[SeriesKey, pd.DataFrame]:
    """The rows of each (device, signal), in order of minutes."""
    return {(str(key[0]), str(key[1])): rows for key, rows in detections.groupby(["device_id", "signal"], sort=True)}


def keys_of(fault: Fault, series: Mapping[SeriesKey, object]) -> list[SeriesKey]:
    """The series a fault touches: silence takes all signals of its device."""
    return [key for key in series if key[0] == fault.device_id and fault.signal in (key[1], "all")]


def silence(fault: Fault, incidents: Iterable[Mapping[str, Any]]) -> FaultOutcome:
    """Whether an incident said that the device was silent while it was."""
    opened = [
        one["opened"]
        for one in incidents
        if one["kind"] == SILENCE and one["device_id"] == fault.device_id and fault.start <= one["opened"] <= fault.end
    ]
    if not opened:
        return FaultOutcome(fault, False, None, "no incident says that the device was silent")
    delay = int((min(opened) - fault.start) / timedelta(minutes=1))
    return FaultOutcome(fault, True, delay, "an incident says that the device is silent")


def outcome(fault: Fault, series: Mapping[SeriesKey, pd.DataFrame], grid: Grid = MINUTE) -> FaultOutcome:
    """Whether the fault was flagged in time, and what the rows say about it."""
    start = grid.start(grid.step(fault.start))
    end = start + WITHIN * grid.every if fault.kind in SUDDEN else fault.end
    first_flag, peak, minutes = None, None, 0
    for key in keys_of(fault, series):
        rows = series[key]
        rows = rows[(rows["minute"] >= start) & (rows["minute"] <= end)]
        minutes += len(rows)
        flagged = rows[rows["is_anomaly"]]
        if len(flagged) and (first_flag is None or flagged.iloc[0]["minute"] < first_flag["minute"]):
            first_flag = flagged.iloc[0]
        if len(rows) and rows["score"].notna().any():
            peak = rows.iloc[int(rows["score"].argmax())]
    if first_flag is not None:
        delay = int((first_flag["minute"] - start) / timedelta(minutes=1))
        return FaultOutcome(fault, True, delay, means(first_flag["reason"]))
    if not minutes:
        return FaultOutcome(fault, False, None, "no rows: the device sent none meanwhile")
    if peak is None:
        return FaultOutcome(fault, False, None, "no minute was scored")
    return FaultOutcome(fault, False, None, f"most unusual minute {peak['minute']:%H:%M}: {means(peak['reason'])}")


def _outside(rows: pd.DataFrame, faults: Sequence[Fault], grid: Grid) -> Bools:
    outside = np.ones(len(rows), dtype=bool)
    for fault in faults:
        outside &= (
            ~rows["minute"]
            .between(grid.start(grid.step(fault.start) - BEFORE), fault.end + AFTER * grid.every)
            .to_numpy()
        )
    return outside
