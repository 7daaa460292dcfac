"""What of a file is no reading, in words: cells without a number, times that come twice. Nothing vanishes unsaid."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.readings.model import Readings

    Ints = NDArray[np.int64]

MOST_NAMED = 5
"""Devices that are named one by one."""


def left_out(readings: Readings, place: Ints, word: str, others: pd.DataFrame) -> list[tuple[str, str]]:
    """(what, how) for cells without a number, devices that have none at all, and repeated times.

    place: (n,) their lines; others: the columns, (rows,), that have no role.
    """
    return [*_no_numbers(readings, place, word), *_no_number_at_all(readings), *_repeated(readings, others)]


def _no_numbers(readings: Readings, place: Ints, word: str) -> list[tuple[str, str]]:
    missing = np.flatnonzero(~readings.numbers)
    if not len(missing):
        return []
    empty = np.array([not str(text).strip() for text in readings.text[missing]], dtype=bool)
    parts = [f"{int(empty.sum()):,} are empty"] if empty.any() else []
    if not empty.all():
        first = missing[~empty][0]
        odd = f"{int((~empty).sum()):,} hold something else, the first {str(readings.text[first])[:40]!r} in {word} {place[first]}"
        parts.append(odd)
    return [("left out", f"{len(missing):,} of {len(readings.ms):,} cells have no number: {' and '.join(parts)}")]


def _no_number_at_all(readings: Readings) -> list[tuple[str, str]]:
    series = readings.device * len(readings.signals) + readings.signal
    lost = np.setdiff1d(np.unique(series), np.unique(series[readings.numbers]))
    if not len(lost):
        return []
    # In a wide file not every device has every signal: cells that are all empty are news of a device without any number only.
    silent = ~np.isin(readings.device, readings.device[readings.numbers])
    said = series[silent | np.array([bool(str(text).strip()) for text in readings.text], dtype=bool)]
    lost = np.intersect1d(lost, said)
    words = []
    for one in lost[:MOST_NAMED]:
        example = str(readings.text[np.flatnonzero(series == one)[0]]).strip()
        words.append(f"{_name(readings, int(one))} (its first cell is {example[:40]!r}{_guess(example)})")
    more = [f"and {len(lost) - MOST_NAMED} more"] * (len(lost) > MOST_NAMED)
    return [("no numbers", "in no cell of " + ", ".join([*words, *more]))] if len(lost) else []


def _name(readings: Readings, series: int) -> str:
    device, signal = divmod(series, len(readings.signals))
    name = readings.devices[device]
    return name if len(readings.signals) == 1 else f"{name} {readings.signals[signal]}"


def _guess(example: str) -> str:
    comma = example.count(",") == 1 and example.replace(",", "").lstrip("-+").isdigit()
    return "; a decimal comma? --decimal ," if comma else ""


def _repeated(readings: Readings, others: pd.DataFrame) -> list[tuple[str, str]]:
    rows = pd.DataFrame({"device": readings.device, "signal": readings.signal, "ms": readings.ms})
    twice = rows.duplicated().to_numpy() & readings.numbers
    if not twice.any():
        return []
    first = np.datetime_as_string(readings.ms[twice][:1].astype("datetime64[ms]"), unit="m")[0].replace("T", " ")
    apart = _apart(rows.iloc[:: max(len(rows) // max(len(others), 1), 1)].reset_index(drop=True), others)
    help_ = (
        f"{shlex.join(['--device', apart])} has them apart"
        if apart
        else "a clock that was set back is told by --time-zone"
    )
    said = f"{int(twice.sum()):,} readings have the time of an earlier one of their series, the first at {first}: the largest"
    return [("times twice", f"{said} counts; {help_}")]


def _apart(rows: pd.DataFrame, others: pd.DataFrame) -> str | None:
    """A column of names by which no time comes twice, if there is one."""
    for name in others:
        cells = others[name]
        if 1 < cells.nunique() <= len(cells) / 2 and not rows.assign(other=cells.to_numpy()).duplicated().any():
            return str(name)
    return None
