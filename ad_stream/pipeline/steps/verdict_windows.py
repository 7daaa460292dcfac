"""Verdicts of a batch, a window at a time, as the fold takes them: one job, whose answer has no name but those of flags.

Of a series that is not flagged the fold wants its value only, and that only where the series is watched. So each window comes as
two arrays over all its series, numbers (`history.series_id`) and values, beside the whole rows of the flagged ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import functions as F

from ad_stream.incidents.joint import NO_SIGNAL
from ad_stream.incidents.window_rows import MEASURES, WindowRows, rows_of
from ad_stream.pipeline.steps.history import series_id

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]

NAMES = (*MEASURES, "is_anomaly", "reason")
MOST = 2_000_000
"""Rows that come to the driver at once, about: 64 bytes each."""


@dataclass(frozen=True)
class Span:
    """The first and the last window of some verdicts, by number, and how many rows there are, about."""

    first: int
    last: int
    rows: int


@dataclass(frozen=True)
class Window:
    """The verdicts of one window: ids, values (k,) of all its series in any order; joint: those of the ids that stand for the
    signals of a device together; flagged: the rows of flagged ones, with `id`, the names and NAMES."""

    step: int
    config_version: str
    ids: Ints
    joint: Ints
    values: Floats
    flagged: Sequence[Any]

    @property
    def series(self) -> Ints:
        """The series that were read, ascending."""
        return np.setdiff1d(self.ids, self.joint)

    def rows(self, watched: Mapping[int, tuple[str, str]]) -> WindowRows:
        """The flagged rows, and those of the watched series (number -> series) that are not flagged."""
        flags = {row["id"] for row in self.flagged}
        order = np.argsort(self.ids)
        wanted = np.array(sorted(watched.keys() - flags), dtype=np.int64)
        at = np.searchsorted(self.ids, wanted, sorter=order)
        there = at < len(order)
        there[there] = self.ids[order[at[there]]] == wanted[there]
        names = [watched[number] for number in wanted[there].tolist()]
        return _joined(rows_of(self.flagged), _quiet(names, self.values[order[at[there]]]))


def windows_of(verdicts: DataFrame, about: Span | None = None) -> Iterator[Window]:
    """Verdicts (columns of `detections` and `step`, flagged by either) -> their windows in order."""
    about = about or _about(verdicts)
    span = about.last - about.first + 1
    parts = min(-(-about.rows // MOST), span)
    if parts <= 1:
        yield from _collected(verdicts)
        return
    size = -(-span // parts)
    for first in range(about.first, about.last + 1, size):
        yield from _collected(verdicts.where(F.col("step").between(first, first + size - 1)))


def _about(verdicts: DataFrame) -> Span:
    row = verdicts.agg(
        F.min("step").alias("first"), F.max("step").alias("last"), F.count(F.lit(1)).alias("rows")
    ).first()
    assert row is not None  # an aggregate without groups has one row
    return Span(row["first"] or 0, row["last"] or 0, row["rows"])


def _collected(verdicts: DataFrame) -> Iterator[Window]:
    flagged = F.struct(series_id().alias("id"), "device_id", "signal", *NAMES)
    # Both lists leave out nulls, so that a value that is one has to be a number to stay beside its series.
    found = verdicts.groupBy("step").agg(
        F.max("config_version").alias("config_version"), F.collect_list(series_id()).alias("ids"),
        F.collect_list(F.when(F.col("signal") == NO_SIGNAL, series_id())).alias("joint"),
        F.collect_list(F.coalesce("value", F.lit(float("nan")))).alias("values"),
        F.collect_list(F.when(F.col("is_anomaly"), flagged)).alias("flagged"),
    ).collect()  # fmt: skip
    for row in sorted(found, key=lambda row: row["step"]):
        ids, values = np.array(row["ids"], dtype=np.int64), np.array(row["values"], dtype=np.float64)
        joint = np.array(row["joint"], dtype=np.int64)
        yield Window(row["step"], row["config_version"] or "", ids, joint, values, row["flagged"])


def _quiet(names: Sequence[tuple[str, str]], values: Floats) -> WindowRows:
    """Rows that are not flagged: what only a flag is asked for is nothing."""
    device, signal, reason = (np.empty(len(names), dtype=object) for _ in range(3))
    device[:], signal[:], reason[:] = [one[0] for one in names], [one[1] for one in names], ""
    nothing, no, zero = np.full(len(names), np.nan), np.zeros(len(names), dtype=np.bool_), np.zeros(len(names))
    return WindowRows(device, signal, values, nothing, nothing, nothing, zero, no, no.copy(), zero.copy(), reason)


def _joined(one: WindowRows, other: WindowRows) -> WindowRows:
    return WindowRows(
        *(np.concatenate([getattr(one, field.name), getattr(other, field.name)]) for field in fields(one))
    )
