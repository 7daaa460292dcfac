"""What a batch holds, counted once, before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.pipeline.batch_state import Tally
from ad_stream.pipeline.steps.telemetry import LATE
from ad_stream.sources.contract import HEARTBEAT
from ad_stream.times import from_seconds

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ad_stream.config import Config


def tally_of(groups: DataFrame, config: Config) -> Tally | None:
    """The counts of a batch; None where it holds no row."""
    signals = config.telemetry.signals
    good = "sum(cast(n > 0 as int))" if signals == "auto" else f"sum({_stored_signals(len(signals))})"
    kinds = groups.groupBy("odd.reason").agg(
        F.expr(good).alias("rows"), F.count(F.lit(1)).alias("groups"),
        F.min(F.unix_seconds("minute")).alias("first"), F.max(F.unix_seconds("minute")).alias("last"),
    ).collect()  # fmt: skip
    if not kinds:
        return None
    rejected = {kind["reason"]: kind["groups"] for kind in kinds if kind["reason"] not in (None, LATE, HEARTBEAT)}
    return Tally(
        first=from_seconds(min(kind["first"] for kind in kinds)),
        last=from_seconds(max(kind["last"] for kind in kinds)),
        minutes=sum(kind["rows"] for kind in kinds if kind["reason"] is None),
        late=sum(kind["rows"] for kind in kinds if kind["reason"] == LATE),
        quarantined=rejected,
    )


def _stored_signals(count: int) -> str:
    return " + ".join(f"cast(n_{i} > 0 as int)" for i in range(count))
