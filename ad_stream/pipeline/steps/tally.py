"""What a batch holds, counted once, before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pyspark.sql import functions as F

from ad_stream.pipeline.batch_state import Tally
from ad_stream.pipeline.steps.history import series_id
from ad_stream.pipeline.steps.telemetry import FUTURE, LATE
from ad_stream.pipeline.steps.ways_out import detail
from ad_stream.pipeline.steps.windows import seconds_ahead
from ad_stream.sources.contract import HEARTBEAT
from ad_stream.times import from_seconds

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row

    from ad_stream.config import Config


def tally_of(groups: DataFrame, config: Config) -> Tally | None:
    """The counts of a batch; None where it holds no row."""
    windows = _windows(config)
    good = F.col("odd").isNull()
    odd = F.col("odd")
    off = seconds_ahead(odd)
    kinds = groups.groupBy("odd.reason").agg(
        F.first("odd").alias("example"), F.min(off).alias("least"), F.max(off).alias("most"),
        sum((F.sum(there.cast("int")) for there, _ in windows), F.lit(0)).alias("rows"), F.count(F.lit(1)).alias("groups"),
        F.min(F.unix_seconds("minute")).alias("first"), F.max(F.unix_seconds("minute")).alias("last"),
        F.array_sort(F.array_distinct(F.flatten(F.array(*[
            F.collect_set(F.when(good & there, series_id(signal))) for there, signal in windows
        ])))).alias("series"),
    ).collect()  # fmt: skip
    if not kinds:
        return None
    clocks = [kind for kind in kinds if kind["reason"] in (LATE, FUTURE) and kind["least"] is not None]
    rejected = {kind["reason"]: kind["groups"] for kind in kinds if kind["reason"] not in (None, LATE, HEARTBEAT)}
    first = min(kind["first"] for kind in kinds)
    return Tally(
        first=from_seconds(first),
        first_judged=from_seconds(min((kind["first"] for kind in kinds if kind["reason"] is None), default=first)),
        last=from_seconds(max(kind["last"] for kind in kinds)),
        minutes=sum(kind["rows"] for kind in kinds if kind["reason"] is None),
        late=sum(kind["rows"] for kind in kinds if kind["reason"] == LATE),
        quarantined=rejected,
        off=(min(kind["least"] for kind in clocks), max(kind["most"] for kind in clocks)) if clocks else None,
        examples=_examples([kind for kind in kinds if kind["reason"] in rejected], config),
        series=np.concatenate([np.array(kind["series"], dtype=np.int64) for kind in kinds]),
    )


def _examples(kinds: list[Row], config: Config) -> dict[str, str]:
    """Reason -> what one of its rows says, where it says something."""
    said = {}
    for kind in kinds:
        odd = kind["example"]
        ahead = kind["most"] if kind["reason"] == FUTURE else None
        said[kind["reason"]] = detail(kind["reason"], odd["body"], odd["element"], ahead, config.telemetry)
    return {reason: text for reason, text in said.items() if text}


def _windows(config: Config) -> list[tuple[Column, Column]]:
    """The windows that a group may hold: whether it does, and the name of the signal."""
    signals = config.telemetry.signals
    if signals == "auto":
        return [(F.col("n") > 0, F.col("signal"))]
    return [(F.col(f"n_{i}") > 0, F.lit(name)) for i, name in enumerate(signals)]
