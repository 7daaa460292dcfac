"""Variables -> one matrix of rows at common times, by the align policy, and what had to be filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.azure_api.multivariate.faults import fault
from ad_stream.azure_api.multivariate.questions import INNER, AlignPolicy, iso

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.azure_api.multivariate.variables import Variable
    from ad_stream.model import Floats

    Ints = NDArray[np.int64]
    Times = NDArray[np.datetime64]

_NEAR, _FAR = 10, 1000
"""A grid may have so many times the rows, and so many more: what is sparser is taken row by row."""


@dataclass(frozen=True)
class AlignedRows:
    """n rows of d variables: times (n,) rising, values (d, n) after filling, NaN = still missing; states: of each variable,
    the most filled first."""

    names: tuple[str, ...]
    times: Times
    values: Floats
    states: list[dict[str, Any]]


def rows_of(
    variables: Sequence[Variable], policy: AlignPolicy, first: np.datetime64 | None, last: np.datetime64 | None
) -> AlignedRows:
    """The rows with first <= time <= last (datetime64 or None); raises ContractError where none has a value."""
    cut = [_cut(variable, first, last) for variable in variables]
    times = _common([one.times for one in cut], policy)
    values = np.full((len(cut), len(times)), np.nan)
    for row, one in zip(values, cut, strict=True):
        place = np.searchsorted(times, one.times)
        there = place < len(times)
        there[there] = times[place[there]] == one.times[there]
        row[place[there]] = one.values[there]
    if not np.isfinite(values).any():
        raise fault("NoData", _nothing(variables, cut, policy))
    states = [_state(one, row) for one, row in zip(cut, values, strict=True)]
    return AlignedRows(
        tuple(one.name for one in cut),
        times,
        filled(times, values, policy),
        sorted(states, key=lambda state: -state["filledNARatio"]),
    )


def filled(times: Times, values: Floats, policy: AlignPolicy) -> Floats:
    """(n,), (d, n) -> (d, n): holes by the policy, those at the rim by the nearest value; a variable without one keeps its
    NaN."""
    if policy.fill == "NotFill":
        return values
    if policy.fill in ("Zero", "Fixed", "Pad"):
        number = 0.0 if policy.fill == "Zero" or policy.padding is None else policy.padding
        return np.where(np.isfinite(values), values, number)
    at = (times - times[0]).astype(np.float64)
    out: Floats = values.copy()
    for row in out:
        known = np.flatnonzero(np.isfinite(row))
        if len(known):
            row[:] = _filled_row(at, row, known, policy.fill)
    return out


def _filled_row(at: Floats, row: Floats, known: Ints, fill: str) -> Floats:
    """(n,) seconds, values, the places of the known ones -> (n,)."""
    if fill == "Linear":
        return np.asarray(np.interp(at, at[known], row[known]))
    rows = np.arange(len(row))
    after = np.searchsorted(known, rows, side="left")
    place = after if fill == "Subsequent" else np.searchsorted(known, rows, side="right") - 1
    return np.asarray(row[known[np.clip(place, 0, len(known) - 1)]])


def cells_of(times: Times, step_seconds: float) -> Ints:
    """(n,) -> the place of each row on an even grid from the first one on; row after row where they keep to none."""
    if step_seconds > 0:
        cells = np.rint((times - times[0]).astype(np.float64) / (step_seconds * 1e6)).astype(np.int64)
        if (np.diff(cells) > 0).all() and cells[-1] < _NEAR * len(times) + _FAR:
            return np.asarray(cells)
    return np.arange(len(times))


def on_grid(values: Floats, cells: Ints) -> Floats:
    """(d, n), (n,) -> (d, last cell + 1), NaN where there is no row."""
    grid = np.full((len(values), int(cells[-1]) + 1), np.nan)
    grid[:, cells] = values
    return grid


def step_of(times: Times) -> float:
    """Seconds from row to row, the median; 60 for a single row."""
    return float(np.median(np.diff(times).astype(np.float64)) / 1e6) if len(times) > 1 else 60.0


def _common(each: Sequence[Times], policy: AlignPolicy) -> Times:
    """The times of the rows; most files share them, and a merge of 300 would take long."""
    different = [times for times in each[1:] if not np.array_equal(times, each[0])]
    return reduce(np.intersect1d if policy.mode == INNER else np.union1d, different, each[0])


def _cut(variable: Variable, first: np.datetime64 | None, last: np.datetime64 | None) -> Variable:
    begin = 0 if first is None else int(np.searchsorted(variable.times, first, "left"))
    end = len(variable.times) if last is None else int(np.searchsorted(variable.times, last, "right"))
    return type(variable)(variable.name, variable.times[begin:end], variable.values[begin:end])


def _state(variable: Variable, row: Floats) -> dict[str, Any]:
    known = np.isfinite(row)
    times = variable.times
    return {
        "variable": variable.name,
        "filledNARatio": round(float(1.0 - known.mean()), 6),
        "effectiveCount": int(known.sum()),
        "firstTimestamp": iso(times[0]) if len(times) else None,
        "lastTimestamp": iso(times[-1]) if len(times) else None,
    }


def _nothing(variables: Sequence[Variable], cut: Sequence[Variable], policy: AlignPolicy) -> str:
    if policy.mode == INNER and all(len(one.times) for one in cut):
        return "No timestamp is common to all variables: round the times, or set alignMode to Outer."
    spans = [one.times[[0, -1]] for one in variables if len(one.times)]
    if not spans:
        return "The files have no rows."
    return f"The data go from {iso(min(one[0] for one in spans))} to {iso(max(one[1] for one in spans))}."
