"""Long and wide frames -> per device a matrix of its signals on one even grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ad_stream.errors import InputError
from ad_stream.readings.cadence import USUAL
from ad_stream.scoring.frames import SIGNAL, FrameRows, rows_of
from ad_stream.scoring.steps import MS, given_width

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]

DAY = 86_400 * 10**9
WAVER = 0.02
MOST_CELLS = 2**27
"""Of one device: a gigabyte of doubles."""


@dataclass(frozen=True)
class JointFrame:
    """One device. name: its keys, () without a device column; signals (d names), values (d, n) on the grid, NaN = none;
    cells (k,) of the grid that hold a row, their nanoseconds (UTC), and their times as the frame writes them."""

    name: tuple[Any, ...]
    signals: tuple[str, ...]
    values: Floats
    step_seconds: float
    cells: Ints
    nanoseconds: Ints
    times: pd.Series[Any]

    @property
    def label(self) -> str:
        """The device as messages name it."""
        return _label(self.name)


def joint_frames(
    data: Any, device: str | Sequence[str] | None, time: str, value: str | Sequence[str], signal: str, step: Any
) -> tuple[list[str], list[JointFrame]]:
    """The names of the columns that tell device and time, and a frame for each device in the order of their first rows.

    InputError says in one sentence what cannot be used.
    """
    frame = data.to_pandas() if not isinstance(data, (pd.DataFrame, pd.Series)) and hasattr(data, "to_pandas") else data
    if not isinstance(frame, pd.DataFrame):
        raise InputError(
            f"detect_joint takes a frame with several signals, and was given a {type(data).__name__}: for one signal use"
            " ad_stream.detect"
        )
    keys = _keys(frame, device)
    rows = rows_of(frame, [*keys, signal] if signal in frame.columns else keys or None, time, value)
    if signal in frame.columns:
        rows = replace(rows, keys=rows.keys.rename(columns={signal: SIGNAL}))
    elif SIGNAL not in rows.keys.columns:
        raise InputError(
            f"the frame has one column of values and no column {signal!r}: joint detection needs two signals, for one use"
            " ad_stream.detect"
        )
    width = None if step is None else given_width(step)
    return [*keys, str(rows.keys.columns[-1])], _each(rows, keys, width)


def _keys(frame: pd.DataFrame, device: str | Sequence[str] | None) -> list[str]:
    """The columns that tell the device; only the default name may be absent."""
    if device is None or (device == "device" and device not in frame.columns):
        return []
    return [device] if isinstance(device, str) else list(device)


def _each(rows: FrameRows, keys: list[str], step: int | None) -> list[JointFrame]:
    if not keys:
        places = {(): np.arange(len(rows.values))}
    else:
        codes, names = pd.factorize(pd.MultiIndex.from_frame(rows.keys[keys]))
        places = {tuple(name): np.flatnonzero(codes == code) for code, name in enumerate(names)}
    signal, times = rows.keys[SIGNAL].to_numpy(), rows.keys.iloc[:, -1]
    return [
        _frame(name, signal[own], rows.nanoseconds[own], rows.values[own], times.iloc[own], step)
        for name, own in places.items()
        if len(own)
    ]


def _frame(
    name: tuple[Any, ...],
    signal: NDArray[Any],
    nanoseconds: Ints,
    values: Floats,
    times: pd.Series[Any],
    step: int | None,
) -> JointFrame:
    codes, signals = pd.factorize(signal, sort=True)
    if len(signals) < 2:
        raise InputError(
            f"{_label(name)} has one signal, {signals[0]}: joint detection needs two, for one use ad_stream.detect"
        )
    order = np.lexsort((nanoseconds, codes))
    codes, nanoseconds, values, times = codes[order], nanoseconds[order], values[order], times.iloc[order]
    twice = np.flatnonzero((np.diff(nanoseconds) == 0) & (np.diff(codes) == 0))
    if len(twice):
        raise InputError(
            f"{_label(name)} has two rows of the signal {signals[codes[twice[0]]]} at {times.iloc[twice[0]]}: keep one"
        )
    width = step or _finest(codes, nanoseconds)
    cells = _cells(nanoseconds, width)
    matrix = _matrix(_label(name), codes, cells, values, len(signals))
    first = np.unique(cells, return_index=True)[1]
    return JointFrame(
        name, tuple(map(str, signals)), matrix, width / 1e9, cells[first], nanoseconds[first], times.iloc[first]
    )


def _label(name: tuple[Any, ...]) -> str:
    return f"the device {'/'.join(map(str, name))}" if name else "the frame"


def _finest(codes: Ints, nanoseconds: Ints) -> int:
    """Rows sorted by signal and time -> the shortest of the signals' median steps, the usual step near it where the clock
    wavers; a minute where no signal has two rows."""
    steps = np.diff(nanoseconds)[np.diff(codes) == 0]
    own = codes[1:][np.diff(codes) == 0]
    if not len(steps):
        return 60 * 10**9
    median = int(max(1, pd.Series(steps).groupby(own).median().min()))
    usual = USUAL * MS
    nearest = int(usual[np.argmin(np.abs(usual - median))])
    return nearest if abs(median - nearest) <= WAVER * nearest else median


def _cells(nanoseconds: Ints, width: int) -> Ints:
    """(n,) -> places on the grid from the first time on; breaks of more than two days lose whole days."""
    order = np.argsort(nanoseconds, kind="stable")
    ordered = nanoseconds[order]
    gap = np.diff(ordered, prepend=ordered[:1])
    days = np.maximum(gap // DAY - 1, 0)
    placed = np.empty_like(nanoseconds)
    placed[order] = ordered - np.cumsum(days) * DAY
    return np.asarray((placed - placed.min() + width // 2) // width)


def _matrix(label: str, codes: Ints, cells: Ints, values: Floats, count: int) -> Floats:
    """Rows sorted by signal and time -> (count, n); of two values in one cell the later one."""
    n = int(cells.max()) + 1
    if n * count > MOST_CELLS:
        raise InputError(
            f"{label} has {n} rows of {count} signals at the step of its readings, more than {MOST_CELLS} values: give a"
            " coarser step, such as step='1min'"
        )
    matrix = np.full((count, n), np.nan)
    matrix[codes, cells] = values
    return matrix
