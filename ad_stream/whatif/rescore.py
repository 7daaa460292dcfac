"""Stored windows judged under another configuration, in memory: the stream's own rows to verdicts, without Spark."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ad_stream.errors import InputError
from ad_stream.scoring.depth import Depth, hour_of
from ad_stream.scoring.matrix import CELLS, Packed, Rows
from ad_stream.scoring.verdicts import Scorer, continuing, verdicts
from ad_stream.series_config.patterns import WILD, NameList
from ad_stream.tables.reader import Value, read_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.grid import Grid
    from ad_stream.models.known import KnownSeries
    from ad_stream.series_config.table import Row

    Ints = NDArray[np.int64]

KEY = ["device_id", "signal", "minute"]
Progress = Callable[[float], None]


def rescore(
    tables: Path,
    scorer: Scorer,
    *,
    start: datetime,
    end: datetime,
    proposed: Row | None = None,
    progress: Progress | None = None,
    known: Sequence[KnownSeries] = (),
    devices: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The verdicts that the stream would have written for start <= minute < end under this scorer.

    -> device_id, signal, minute (UTC), value, the fields of LastPoint, detector, the slow_ columns, continuing; sorted by the first three.
    start, end: starts of windows of the scorer's grid, which must be that of the tables (`reader.grid_of`). proposed: a row
    of series_config, only series that it fits are judged. known: what was learned of series. devices: only these are looked
    at. Revision 0 counts, as for the stream: late readings that a backfill folded in do not.
    Raises InputError where no windows are stored in that time.
    """
    # Whether a flag continues an alarm depends on those just before `start`, so they are judged, too.
    grid, depth = scorer.grid, Depth.of(scorer)
    since = start - scorer.near
    parts_of: list[pd.DataFrame] = []
    for where, most in _stretches(depth, since, end, proposed):
        if devices is not None:
            where.append(("device_id", "IN", tuple(devices)))
        some = fits(read_rows(tables, "minutes", [*KEY, "value"], where), proposed)
        parts_of.append(some if most is None else sparse(some, most))
    stored = pd.concat([some for some in parts_of if len(some)] or parts_of[-1:])
    first = grid.step(since), grid.step(start)
    stored = stored.assign(at=steps(stored["minute"], grid)).sort_values([*KEY[:2], "at"], ignore_index=True)
    if not (stored["at"] >= first[1]).any():
        of = "" if proposed is None else f" of {proposed['device']} {proposed['signal'] or '*'}"
        raise InputError(
            f"no windows{of} are stored from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC: see 'ad-stream status'"
        )
    parts = list(_parts(stored, width=grid.steps(end - since) + scorer.points))
    done: list[pd.DataFrame] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for part in pool.map(lambda rows: _judged(rows, scorer, known, since=first[0], start=first[1]), parts):
            done.append(part)
            if progress is not None:
                progress(len(done) / len(parts))
    found: pd.DataFrame = pd.concat(done, ignore_index=True)
    return found


def _stretches(
    depth: Depth, since: datetime, end: datetime, proposed: Row | None
) -> Iterator[tuple[list[tuple[str, str, Value]], int | None]]:  # fmt: skip
    """What is read in one go: windows that count for slow series only, a day at a time, then all the others."""
    only: list[tuple[str, str, Value]] = [("revision", "=", 0)]
    if proposed is not None and not WILD.search(proposed["device"]):
        only.append(("device_id", "=", proposed["device"]))
    first, whole = depth.first(since), depth.whole_from(since)
    while depth.most is not None and first < whole:
        stop = min(hour_of(first) + timedelta(days=1), whole)
        yield [("minute", ">=", first), ("minute", "<", stop), *only], depth.most
        first = stop
    yield [("minute", ">=", first), ("minute", "<", end), *only], None


def sparse(stored: pd.DataFrame, most: int) -> pd.DataFrame:
    """Those of the hours of their series that have at most so many windows."""
    hours = [stored["device_id"], stored["signal"], stored["minute"].dt.floor("h")]
    kept: pd.DataFrame = stored[stored.groupby(hours, sort=False)["minute"].transform("size") <= most]
    return kept


def fits(rows: pd.DataFrame, proposed: Row | None) -> pd.DataFrame:
    """The rows (device_id, signal) of the series that the proposed is about."""
    if proposed is None or rows.empty:
        return rows
    fit = np.ones(len(rows), dtype=np.bool_)
    for name, pattern in (("device_id", proposed["device"]), ("signal", proposed["signal"])):
        codes, names = pd.factorize(rows[name])
        fit &= NameList(np.asarray(names, dtype=object)).matching(pattern)[codes]
    chosen: pd.DataFrame = rows[fit]
    return chosen


def steps(moments: pd.Series, grid: Grid) -> Ints:
    """(n,) starts of windows in UTC -> their numbers."""
    naive = moments.dt.tz_convert(None).to_numpy()
    numbers: Ints = naive.astype("datetime64[s]").astype(np.int64) // grid.seconds
    return numbers


def _parts(stored: pd.DataFrame, *, width: int) -> Iterator[pd.DataFrame]:
    """Whole series, so many together that their matrix stays small and every core gets some."""
    codes = stored.groupby(KEY[:2], sort=False).ngroup().to_numpy()
    series = int(codes[-1]) + 1
    most = max(1, min(CELLS // 32 // width, -(-series // (os.cpu_count() or 1))))
    ends = np.searchsorted(codes, np.arange(most, series + most, most))
    for low, high in zip([0, *ends[:-1]], ends, strict=True):
        yield stored.iloc[low:high].assign(code=codes[low:high])


def _judged(
    stored: pd.DataFrame, scorer: Scorer, known: Sequence[KnownSeries], *, since: int, start: int
) -> pd.DataFrame:  # fmt: skip
    """Verdicts of some series; judged from `since` on, kept from `start` on (steps)."""
    now = stored[stored["at"] >= since]
    rows = Rows(now["code"].to_numpy(), now["at"].to_numpy(), now["value"].to_numpy(dtype=np.float64))
    past = _packed(stored[stored["at"] < since])
    found = verdicts(now["device_id"].to_numpy(), now["signal"].to_numpy(), rows, past, scorer, known).columns
    nothing = np.full(len(now), np.nan)
    found["continuing"] = continuing(rows.ids, rows.steps, found["is_anomaly"], scorer.refractory, nothing)
    onset = pd.to_datetime(found.pop("slow_onset") * scorer.grid.seconds, unit="s", utc=True)
    kept: pd.DataFrame = now[[*KEY, "value"]].assign(**found, slow_onset=onset)[rows.steps >= start]
    # As the stream stores it: what was not given is null.
    given = kept["slow_reason"] != ""
    nothing_given = {name: kept[name].astype(object).where(given, None) for name in ("slow_is_anomaly", "slow_reason")}
    kept = kept.assign(**nothing_given)
    return kept


def _packed(before: pd.DataFrame) -> Packed:
    ordered = before.sort_values(["at", "code"])
    before_steps, first = np.unique(ordered["at"].to_numpy(), return_index=True)
    ids, values = (np.split(ordered[name].to_numpy(), first[1:]) for name in ("code", "value"))
    return Packed(before_steps, ids, values) if len(before_steps) else Packed(before_steps, [], [])
