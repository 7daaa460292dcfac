"""Whose clock is believed: a hub's time counts only within a bound of this machine's, or of the source's other events.

The watermark follows the largest time that a stream has seen, so one event stamped 2099 would make all later telemetry
late. A time more than `telemetry.max_ahead` after the batch began is therefore not believed: its event goes to
quarantine as `bad_enqueued_time` and moves nothing. Times of the past are always believed, replays live on them.

"The batch began" is Spark's own batch time. It stands in the offset log of the checkpoint beside the offsets, so a batch
that is repeated after a crash takes the same decisions whatever this machine's clock has done meanwhile.

Simulated or shifted files may lie ahead of this machine as a whole. Then the other events are the measure: each start
looks at the times of the newest files, and where most of them are ahead the clock gets a lead. Leads are kept beside the
checkpoint with the time since when they hold, so that a batch begun before a start is judged as it was.

An event without a believed time travels under the time of its batch, which is added behind the operator that takes the
watermark (`behind_watermark`): it waits in the state like every odd row, and moves no watermark.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream import times
from ad_stream.grid import MINUTE, Grid
from ad_stream.sources.contract import in_range, storable

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from ad_stream.config import Config

log = logging.getLogger(__name__)

BAD_ENQUEUED_TIME = "bad_enqueued_time"
WATERMARK_KEY = "spark.watermarkDelayMs"
"""The metadata by which Spark's stateful operators know the column of the watermark."""

GAP = timedelta(days=1)
"""Events further behind the others than this do not belong to them."""


@dataclass(frozen=True)
class Clock:
    """What hub times are measured by. leads: (since, lead), ascending; end: where a finite input ends, if known."""

    max_ahead: timedelta | None
    leads: Sequence[tuple[datetime, timedelta]] = ()
    end: datetime | None = None

    @classmethod
    def at_start(
        cls, spark: SparkSession, config: Config, newest: Sequence[datetime], now: datetime | None = None
    ) -> Clock:  # fmt: skip
        """The clock of a run. newest: hub times of the newest events at the source, as far as it can tell."""
        now, end = now or times.now(), end_of(newest)
        leads = _kept(spark, config.checkpoint)
        ahead = config.telemetry.max_ahead
        lead = timedelta(0) if end is None else end - now
        if ahead is not None and lead > ahead and lead > max((known for _, known in leads), default=ahead):
            log.warning(
                "the source is %s ahead of this machine's clock: its own events are the measure of its times", lead
            )
            leads = [*leads, (now, lead)]
            _keep(spark, config.checkpoint, now, lead)
        return cls(ahead, tuple(leads), end if config.trigger == "available_now" else None)

    def believed(self, time: str) -> str:
        """SQL: the hub's time in the column `time`, null where it is not believed.

        Spark writes the time of the batch into the Java code of a step, which is then compiled anew with each batch; a lambda it
        hands over as it is. Best in a step that holds lambdas anyway, as no step that does is compiled as a whole.
        """
        if self.max_ahead is None:
            return storable(time)
        is_near = f"exists(array(0), _ -> {time} <= {self._now(self.max_ahead)})"
        return f"if({in_range(time)} and {is_near}, {time}, null)"

    def behind_watermark(self, rows: DataFrame, delay: timedelta, grid: Grid = MINUTE) -> DataFrame:
        """Gives a window to the rows that have none, behind `withWatermark`, whose operator has not seen these times."""
        now = self._now(timedelta(0)) if self.end is None else _literal(self.end)
        given = F.coalesce(F.col("minute"), window_start(now, grid.seconds))
        return rows.withColumns({"minute": _as_event_time(given, delay)})

    def _now(self, ahead: timedelta) -> str:
        """SQL: the time of the batch, with its lead and what is allowed beyond it."""
        at = "unix_micros(current_timestamp())"
        cases = "".join(
            f" when current_timestamp() >= {_literal(since)} then {at} + {micros(lead + ahead)}"
            for since, lead in reversed(self.leads)
        )
        plain = f"{at} + {micros(ahead)}"
        return f"timestamp_micros({f'case{cases} else {plain} end' if cases else plain})"


def end_of(newest: Sequence[datetime]) -> datetime | None:
    """The largest time that belongs to the others: from the median on, as long as no gap is longer than `GAP`."""
    ordered = sorted(newest)
    if not ordered:
        return None
    end = ordered[(len(ordered) - 1) // 2]
    for moment in ordered[len(ordered) // 2 :]:
        if moment - end > GAP:
            break
        end = max(end, moment)
    return end


def _place(checkpoint: str) -> str:
    return f"{checkpoint}/ad_stream/leads"


def _kept(spark: SparkSession, checkpoint: str) -> list[tuple[datetime, timedelta]]:
    try:
        lines = [json.loads(row["value"]) for row in spark.read.text(_place(checkpoint)).collect()]
    except Exception:  # nothing there, with another error class in classic Spark and over Connect
        return []
    return sorted((datetime.fromisoformat(one["since"]), timedelta(seconds=one["lead"])) for one in lines)


def _keep(spark: SparkSession, checkpoint: str, since: datetime, lead: timedelta) -> None:
    line = json.dumps({"since": since.isoformat(), "lead": lead.total_seconds()})
    spark.createDataFrame([(line,)], "value string").coalesce(1).write.mode("append").text(_place(checkpoint))


def window_start(time: str, seconds: int) -> Column:
    """SQL of a timestamp -> the start of the window of so many seconds that it lies in, also before 1970."""
    if seconds == 60:
        return F.expr(f"date_trunc('minute', {time})")
    return F.expr(f"timestamp_seconds(unix_seconds({time}) - pmod(unix_seconds({time}), {seconds}))")


def _as_event_time(minute: Column, delay: timedelta) -> Column:
    return minute.alias("minute", metadata={WATERMARK_KEY: delay // timedelta(milliseconds=1)})


def micros(duration: timedelta) -> int:
    """For sums of whole numbers: adding an interval to a timestamp asks the calendar."""
    return duration // timedelta(microseconds=1)


def _literal(moment: datetime) -> str:
    return f"timestamp'{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S.%f}Z'"
