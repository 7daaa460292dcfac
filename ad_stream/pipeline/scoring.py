"""Where Spark and the detectors meet: closed minutes + packed history -> verdicts, in pandas UDFs.

Series are spread over groups by their hash; each group is one matrix, so that a thousand series cost one call.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from ad_stream.detectors import by_name
from ad_stream.detectors.events import mark_continuing
from ad_stream.detectors.judge import judge
from ad_stream.model import SCORED, LastPoint
from ad_stream.pipeline.history import BUCKETS, series_id
from ad_stream.pipeline.matrix import Packed, Rows, pieces

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.config import Detection, Fallback
    from ad_stream.detectors.base import Detector

VERDICT = (
    "device_id string, signal string, epoch_minute long, value double, expected double, upper_margin double, "
    "lower_margin double, score double, sr_score double, severity double, is_anomaly boolean, is_positive boolean, "
    "is_negative boolean, status string, reason string, points long, imputed long, continuing boolean, "
    "seconds double, window array<double>"
)
GROUP_CELLS = 2_000_000
"""About so many values (series x points) make one group."""


@dataclass(frozen=True)
class Scorer:
    """What one verdict rests on; travels to the Python workers."""

    detector: Detector
    refractory: int
    """Minutes after a flag during which a further flag of the series is `continuing`."""
    ask_from: int | None = None
    """Rows that were not judged carry their window from so many values on, for the fallback; None: there is none."""

    @classmethod
    def of(cls, detection: Detection, fallback: Fallback | None = None) -> Scorer:
        """The scorer a configuration asks for."""
        ask_from = fallback.min_points if fallback is not None and fallback.endpoint is not None else None
        refractory = int(detection.refractory.total_seconds() // 60)
        return cls(by_name(detection.detector, **detection.options()), refractory, ask_from)


def score(minutes: DataFrame, past: DataFrame, scorer: Scorer, *, cells: int | None = None) -> DataFrame:
    """Minutes (device_id, signal, minute, value, flagged) + packed past -> VERDICT columns and minute, a row per minute.

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

    def verdicts(_: Any, now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
        return score_group(now, before, scorer)

    verdict: DataFrame = named.groupBy("part").cogroup(packed.groupBy("part")).applyInPandas(verdicts, VERDICT)
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
    found, windows = _judged(rows, past, scorer)
    out = now[["device_id", "signal", "epoch_minute", "value"]].assign(**found)
    out["continuing"] = _continuing(now, rows, found["is_anomaly"], scorer.refractory)
    out["seconds"] = [time.process_time() - started] + [0.0] * (len(out) - 1)
    out["window"] = windows
    return out


def _judged(rows: Rows, past: Packed, scorer: Scorer) -> tuple[dict[str, np.ndarray[Any, Any]], list[Any]]:
    """The fields of LastPoint and, for rows the fallback may be asked about, their windows, in the order of `rows`."""
    parts: list[LastPoint] = []
    order: list[np.ndarray[Any, Any]] = []
    windows: list[Any] = [None] * len(rows.ids)
    for piece in pieces(rows, past, scorer.detector.points):
        ends = (np.arange(piece.matrix.shape[1]) + piece.first).astype("datetime64[m]")
        at_row, at_column, verdict = judge(piece.matrix, piece.judged, scorer.detector, ends=ends)
        order.append(piece.row_of[at_row, at_column])
        parts.append(verdict)
        if scorer.ask_from is not None:
            for one in np.flatnonzero(
                (verdict.status != SCORED) & (verdict.points - verdict.imputed >= scorer.ask_from)
            ):
                window = piece.matrix[at_row[one], : at_column[one] + 1][-int(verdict.points[one]) :]
                windows[order[-1][one]] = window.tolist()
    back = np.argsort(np.concatenate(order))
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in LastPoint.columns()}
    return {name: values[back] for name, values in joined.items()}, windows


def _continuing(now: pd.DataFrame, rows: Rows, flags: np.ndarray[Any, Any], refractory: int) -> np.ndarray[Any, Any]:
    _, codes = np.unique(rows.ids, return_inverse=True)
    known = now["flagged"].notna().to_numpy()
    earlier = (codes[known], now["flagged"][known].to_numpy(dtype=np.int64))
    return mark_continuing(codes, rows.minutes, flags, refractory=refractory, earlier=earlier)
