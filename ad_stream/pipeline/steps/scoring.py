"""Where Spark and the detectors meet: closed minutes + packed history -> verdicts, in pandas UDFs.

Series are spread over groups by their hash; each group is one matrix, so that a thousand series cost one call.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from ad_stream.pipeline.steps.history import BUCKETS, series_id
from ad_stream.scoring.matrix import Packed, Rows
from ad_stream.scoring.verdicts import Scorer, continuing, verdicts
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.schema import VERDICT, plain_ddl

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ROW = (
    f"device_id string, signal string, epoch_minute long, {plain_ddl(DETECTIONS.used(VERDICT))}, seconds double, "
    "window array<double>"
)
"""What a group gives: the verdict, the process time of its group in its first row, the history that a server may get."""
GROUP_CELLS = 2_000_000
"""About so many values (series x points) make one group."""


def score(minutes: DataFrame, past: DataFrame, scorer: Scorer, *, cells: int | None = None) -> DataFrame:
    """Minutes (device_id, signal, minute, value, flagged) + packed past -> columns of ROW and minute, a row per minute.

    flagged: the minute of the series' latest flag before these rows, null if there is none near. `cells` (about
    series x minutes of the call; None: many) decides the number of groups. Minutes travel as numbers, because pandas
    would shift them into the session's time zone.
    """
    groups = BUCKETS if cells is None else _groups(cells)
    named = minutes.select(
        "device_id", "signal", "value", series_id().alias("id"),
        epoch_minute("minute").alias("epoch_minute"), epoch_minute("flagged").alias("flagged"),
        F.pmod(series_id(), F.lit(groups)).cast("int").alias("part"),
    )  # fmt: skip
    packed = past.select(
        "bucket", epoch_minute("minute").alias("epoch_minute"), "ids", "values",
        F.pmod("bucket", F.lit(groups)).cast("int").alias("part"),
    )  # fmt: skip

    def of_group(_: Any, now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
        return score_group(now, before, scorer)

    verdict: DataFrame = named.groupBy("part").cogroup(packed.groupBy("part")).applyInPandas(of_group, ROW)
    return verdict.withColumn("minute", F.timestamp_seconds(F.col("epoch_minute") * 60))


def epoch_minute(name: str) -> Column:
    """A timestamp column as whole minutes since 1970."""
    return F.expr(f"unix_seconds({name}) div 60")


def _groups(cells: int) -> int:
    """A power of two, so that the stored buckets fall into whole groups; at least so many that all cores get some."""
    wanted: int = max(8, cells // GROUP_CELLS)
    return min(BUCKETS, 1 << (wanted - 1).bit_length())


def score_group(now: pd.DataFrame, before: pd.DataFrame, scorer: Scorer) -> pd.DataFrame:
    """The verdicts of one group, in the order of `now`."""
    out: pd.DataFrame = pd.DataFrame()
    if now.empty:  # all series of this group are silent in this batch: only their past is here
        return out
    started = time.process_time()
    rows = Rows(now["id"].to_numpy(), now["epoch_minute"].to_numpy(), now["value"].to_numpy(dtype=np.float64))
    before = before.sort_values(["bucket", "epoch_minute"])
    past = Packed(before["epoch_minute"].to_numpy(), list(before["ids"]), list(before["values"]))
    found = verdicts(now["device_id"].to_numpy(), now["signal"].to_numpy(), rows, past, scorer)
    out = now[["device_id", "signal", "epoch_minute", "value"]].assign(**found.columns)
    _, codes = np.unique(rows.ids, return_inverse=True)
    flagged = now["flagged"].to_numpy(dtype=np.float64, na_value=np.nan)
    out["continuing"] = continuing(codes, rows.minutes, found.columns["is_anomaly"], scorer.refractory, flagged)
    out["seconds"] = [time.process_time() - started] + [0.0] * (len(out) - 1)
    out["window"] = found.windows
    return out
