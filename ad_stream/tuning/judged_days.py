"""Verdicts of other settings on one stored day, and the alarms and labelled events in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.config import Detection, parse_detection
from ad_stream.errors import InputError
from ad_stream.evaluation.labels import LabelledEvent, found
from ad_stream.incidents.acts import MISSED
from ad_stream.incidents.alarms import Alarm, alarms_of, with_slow_flags
from ad_stream.incidents.feedback import labels_of
from ad_stream.monitoring.incidents import incidents
from ad_stream.scoring.verdicts import Scorer
from ad_stream.series_config.rows import rules_of
from ad_stream.tables import people
from ad_stream.tables.incidents import FEEDBACK
from ad_stream.tuning.past import devices_in
from ad_stream.whatif.rescore import rescore
from ad_stream.whatif.unmatched import only_in

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.grid import Grid
    from ad_stream.models.known import KnownSeries, SeriesName
    from ad_stream.series_config.table import Row

DAY_SECONDS = 86_400
TRUE = "true"
FLAG = ["device_id", "signal", "minute", "severity", "score", "reason"]


@dataclass(frozen=True)
class Judge:
    """Stored windows of some series; rows: of series_config; events: what people said that happened."""

    tables: Path
    grid: Grid
    names: Sequence[SeriesName]
    rows: Sequence[Row]
    events: Sequence[LabelledEvent]

    def day(self, detection: Detection, known: Sequence[KnownSeries], start: datetime, end: datetime) -> JudgedDay:
        """What the stream would have flagged in start <= window < end; nothing where no window is stored."""
        scorer = Scorer.of(detection, grid=self.grid).under(rules_of(self.rows, detection))
        try:
            rows = rescore(self.tables, scorer, start=start, end=end, known=known, devices=devices_in(self.names))
        except InputError:  # a day without a window of these series
            return JudgedDay([], 0.0, 0, [], scorer)
        series = set(self.names)
        rows = rows[[pair in series for pair in zip(rows["device_id"], rows["signal"], strict=True)]]
        either = with_slow_flags(rows)
        flagged = either.loc[either["is_anomaly"].eq(True), FLAG]
        days = len(rows) * self.grid.seconds / DAY_SECONDS
        return JudgedDay(alarms_of(flagged, scorer.near), days, *self._found(flagged, start, end), scorer)

    def _found(self, flagged: pd.DataFrame, start: datetime, end: datetime) -> tuple[int, list[bool]]:
        mine = [one for one in self.events if start <= one.first < end]
        return len(mine), found(mine, flagged, self.grid)


@dataclass(frozen=True)
class JudgedDay:
    """days: series-days that were judged; hits: which of the labelled events that began then were found."""

    alarms: list[Alarm]
    days: float
    events: int
    hits: list[bool]
    scorer: Scorer

    def outcome(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {"alarms": len(self.alarms), "days": self.days, "events": self.events, "found": sum(self.hits)}

    def against(self, before: JudgedDay) -> dict[str, Any]:
        """The same beside those of the present settings."""
        was = {f"{name}_before": value for name, value in before.outcome().items() if name in ("alarms", "found")}
        gained = only_in(self.alarms, before.alarms, self.scorer.near)
        lost = only_in(before.alarms, self.alarms, self.scorer.near)
        return {**self.outcome(), **was, "gained": len(gained), "lost": len(lost)}


def changed(base: Detection, **settings: Any) -> Detection:
    """The section with some settings in place of its own."""
    return parse_detection({**base.model_dump(), **settings})


def labelled(tables: Path, names: Sequence[SeriesName]) -> list[LabelledEvent]:
    """What people called true of these series, and what they said was missed."""
    said, _ = people.read(FEEDBACK, tables)
    true = {name for name, label in labels_of(said).items() if label == TRUE}
    events = [
        LabelledEvent(row["device"], row.get("signal"), row["started"], row["ended"])
        for row in said
        if row["action"] == MISSED and row.get("device") and row.get("started") and row.get("ended")
    ]
    events += [
        LabelledEvent(one["device_id"], one["signal"], one["started"], one["last"] or one["started"])
        for one in (incidents(tables) if true else [])
        if one["incident_id"] in true and one["device_id"]
    ]
    devices, series = {device for device, _ in names}, set(names)
    return [
        one
        for one in events
        if (one.device_id, one.signal) in series or (one.signal is None and one.device_id in devices)
    ]
