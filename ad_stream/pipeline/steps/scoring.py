"""Where Spark and the detectors meet: closed windows + packed history -> verdicts, in pandas UDFs.

Devices are spread over groups by their hash, so that all signals of a device meet in one; each group is one matrix, so
that a thousand series cost one call.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from ad_stream.grid import MINUTE, Grid
from ad_stream.models.kinds import known_in
from ad_stream.pipeline.steps.comparisons import COMPARED, COMPARED_ROW, PREFIX
from ad_stream.pipeline.steps.history import BUCKETS, part_of, series_id
from ad_stream.pipeline.steps.joint_scoring import JOINT_ROW, joint_verdicts, models_of
from ad_stream.scoring.comparison import compared
from ad_stream.scoring.history_copy import CopyOrder, past_of
from ad_stream.scoring.matrix import Packed, Rows, joined
from ad_stream.scoring.verdicts import Scorer, continuing, verdicts
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.schema import VERDICT, plain_ddl

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.models.known import KnownSeries
    from ad_stream.pipeline.store.learned import Learned

STARTS = tuple(column.name for column in DETECTIONS.used(VERDICT) if column.type == "timestamp")
"""Columns of a verdict that name a window."""
SLOW = tuple(name for name in DETECTIONS.named(VERDICT) if name.startswith("slow_") and name not in STARTS)
ROW = (
    f"device_id string, signal string, step long, {plain_ddl(DETECTIONS.used(VERDICT))}, seconds double, "
    "window array<double>"
).replace(" timestamp,", " double,")
"""What a group gives: the verdict, the process time of its group in its first row, the history that a server may get;
windows as their numbers, NaN for none."""
GROUP_CELLS = 2_000_000
"""About so many values (series x points) make one group."""


def score(
    minutes: DataFrame, past: DataFrame, scorer: Scorer, *, cells: int | None = None, learned: Learned | None = None,
    copies: CopyOrder | None = None, parts: Sequence[int] | None = None,
) -> DataFrame:  # fmt: skip
    """Windows (device_id, signal, minute, value, flagged) + packed past -> columns of ROW and minute, a row per window.

    flagged: the window of the series' latest flag before these rows, null if there is none near. `cells` (about
    series x windows of the call; None: many) decides the number of groups. learned: models, which reach the worker as
    rows beside its bucket's past, not in a closure. copies: what workers have of the past already; a part whose copy is missing
    gives one row, `is_missing`, its number as `step`, and can be asked for again by `parts`. Windows travel as their numbers,
    because pandas would shift times into the session's time zone.
    """
    grid = scorer.grid
    groups = BUCKETS if cells is None else groups_of(cells)
    named = minutes.select(
        "device_id", "signal", "value", series_id().alias("id"),
        step("minute", grid).alias("step"), step("flagged", grid).alias("flagged"), part_of(groups).alias("part"),
    )  # fmt: skip
    packed = past.select("bucket", step("minute", grid).alias("step"), "ids", "values")
    if learned is not None:
        packed = packed.unionByName(learned.blobs, allowMissingColumns=True)
    if copies is not None:  # a bucket without a row would have no task, and its copy would grow old
        each = past.sparkSession.range(0, BUCKETS, 1, 1).select(F.col("id").cast("int").alias("bucket"))
        packed = packed.unionByName(each, allowMissingColumns=True)
    packed = packed.withColumn("part", F.pmod("bucket", F.lit(groups)).cast("int"))
    if parts is not None:
        named, packed = (rows.where(F.col("part").isin(list(parts))) for rows in (named, packed))

    def of_group(_: Any, now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
        return score_group(now, before, scorer, copies)

    row = _row(scorer)
    verdict: DataFrame = named.groupBy("part").cogroup(packed.groupBy("part")).applyInPandas(of_group, row)
    starts = {name: F.timestamp_seconds(F.nanvl(name, F.lit(None).cast("double")) * grid.seconds) for name in STARTS}
    given = {name: F.when(F.col("slow_reason") != "", F.col(name)) for name in SLOW}
    return verdict.withColumns({"minute": F.timestamp_seconds(F.col("step") * grid.seconds), **starts, **given})


def _row(scorer: Scorer) -> str:
    return ROW + (JOINT_ROW if scorer.joint is not None else "") + (COMPARED_ROW if scorer.compare else "")


def is_missing() -> Column:
    """Of the rows of `score`: whether one stands for a part whose copy of the past is missing."""
    return F.col("device_id").isNull()


def step(name: str, grid: Grid = MINUTE) -> Column:
    """A column of starts of windows as their numbers since 1970."""
    return F.expr(f"unix_seconds({name}) div {grid.seconds}")


def groups_of(cells: int) -> int:
    """A power of two, so that the stored buckets fall into whole groups; at least so many that all cores get some."""
    wanted: int = max(8, cells // GROUP_CELLS)
    return min(BUCKETS, 1 << (wanted - 1).bit_length())


def score_group(
    now: pd.DataFrame, before: pd.DataFrame, scorer: Scorer, copies: CopyOrder | None = None
) -> pd.DataFrame:  # fmt: skip
    """The verdicts of one group, in the order of `now`; blobs of models stand among the rows before, each with its label."""
    out: pd.DataFrame = pd.DataFrame()
    started = time.process_time()
    models, before = _models_and_past(before)
    if now.empty:  # all series of this group are silent in this batch: only their past is here
        if copies is not None:
            _past(before, copies)
        return out
    past = _past(before, copies)
    if past is None:
        names = tuple(name.split()[0] for name in _row(scorer).split(", "))
        return frame_of([{"step": before["part"].iloc[0]}], names)
    rows = Rows(now["id"].to_numpy(), now["step"].to_numpy(), now["value"].to_numpy(dtype=np.float64))
    of_device = models["model_of"].notna()
    known, joint = known_of(models[~of_device]), models[of_device]
    found = verdicts(now["device_id"].to_numpy(), now["signal"].to_numpy(), rows, past, scorer, known)
    out = now[["device_id", "signal", "step", "value"]].assign(**found.columns)
    _, codes = np.unique(rows.ids, return_inverse=True)
    flagged = now["flagged"].to_numpy(dtype=np.float64, na_value=np.nan)
    out["continuing"] = continuing(codes, rows.steps, found.columns["is_anomaly"], scorer.refractory, flagged)
    out["window"] = found.windows
    if scorer.joint is not None:
        stored, label = ([], "") if joint.empty else (models_of(joint), str(joint["label"].iloc[0]))
        out = out.assign(**joint_verdicts(now, rows, past, found, scorer, stored, label))
    if scorer.compare:
        devices, signals = now["device_id"].to_numpy(), now["signal"].to_numpy()
        further = compared(devices, signals, rows, past, scorer, known, COMPARED)
        out = out.assign(**{f"{PREFIX}{name}": column for name, column in further.items()})
    out["seconds"] = [time.process_time() - started] + [0.0] * (len(out) - 1)
    return out


def _models_and_past(before: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    if "blob" not in before.columns:
        before = before.assign(blob=None, model_of=None)
    is_model = before["blob"].notna()
    return before[is_model], before[~is_model]


def _past(before: pd.DataFrame, copies: CopyOrder | None) -> Packed | None:
    """What was before, copies included; None where one is missing."""
    if copies is None:
        return _packed(before.sort_values(["bucket", "step"]))
    found = [
        past_of(bucket, _packed(rows[rows["ids"].notna()].sort_values("step")), copies)
        for bucket, rows in before.groupby(before["bucket"].astype(int))
    ]
    whole = [one for one in found if one is not None]
    return joined(whole) if len(whole) == len(found) else None


def _packed(before: pd.DataFrame) -> Packed:
    return Packed(before["step"].to_numpy(dtype=np.int64), list(before["ids"]), list(before["values"]))


def known_of(blobs: pd.DataFrame) -> list[KnownSeries]:
    """Rows with label, blob, sha256 -> what each model among them knows; InputError where bytes are not those trained."""
    parts: dict[str, list[tuple[bytes, str]]] = {}
    for row in blobs.itertuples():
        parts.setdefault(str(row.label), []).append((bytes(row.blob), str(row.sha256)))  # type: ignore[arg-type]
    return [known_in(label, some) for label, some in parts.items()]


def frame_of(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """Rows as a UDF hands them back; a column that a row lacks is null."""
    frame: pd.DataFrame = pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=object) for name in columns}
    )
    return frame
