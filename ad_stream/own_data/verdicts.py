"""What was judged of a file, in the file's own times: the same for `ad-stream detect` and `ad-stream demo --data`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.incidents.alarms import Alarm, alarms_of, with_slow_flags
from ad_stream.model import GAUGE, REASONS, REFRACTORY, SCORED
from ad_stream.scoring.kinds import looks_like

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.simulate.csv.replay import Index

SeriesKey = tuple[str, str]


@dataclass(frozen=True)
class OwnVerdicts:
    """name: of the file; index: how windows lead back to its times; detections: rows of the table `detections`;
    alarms: strongest first, in windows. as_a_whole: whether what came later counted, too."""

    name: str
    index: Index
    detections: pd.DataFrame
    alarms: list[Alarm]
    as_a_whole: bool = False

    @classmethod
    def of(cls, name: str, index: Index, detections: pd.DataFrame, refractory: timedelta = REFRACTORY) -> OwnVerdicts:
        """With the alarms that the flags make."""
        detections = with_slow_flags(detections)
        alarms = alarms_of(detections[detections["is_anomaly"].to_numpy(dtype=bool)], refractory)
        return cls(name, index, detections, sorted(alarms, key=lambda alarm: -alarm.score))

    @property
    def rows_scored(self) -> int:
        """How many readings got a verdict."""
        return int((self.detections["status"] == SCORED).sum())

    @property
    def flagged(self) -> int:
        """How many readings are flagged."""
        return int(self.detections["is_anomaly"].sum())

    def shown(self, device: str, minute: datetime) -> str:
        """The time in the file that a window stands for."""
        return f"{self.index.original(device, minute):%Y-%m-%d %H:%M:%S}".removesuffix(":00")

    def by_series(self) -> dict[SeriesKey, pd.DataFrame]:
        """The rows of each (device, signal), in order of time."""
        found = self.detections.groupby(["device_id", "signal"], sort=True)
        return {(str(key[0]), str(key[1])): rows.sort_values("minute") for key, rows in found}

    def series_name(self, device: str, signal: str) -> str:
        """A series as people read it: the signal only where the file has several."""
        return device if len(self.index.signals) == 1 else f"{device} · {signal}"

    def looks(self) -> dict[str, list[str]]:
        """The series that look like a counter or a state and were judged by their readings: kind -> their names."""
        found: dict[str, list[str]] = {}
        for key, rows in self.by_series().items():
            if rows["reason"].str.startswith(("rate_", "state_")).any():
                continue
            kind = looks_like(rows["value"].to_numpy(dtype=np.float64))
            if kind != GAUGE:
                found.setdefault(kind, []).append(self.series_name(*key))
        return found

    def nearest(self) -> dict[str, Any] | None:
        """The row that came nearest to a flag without being one; None where nothing was scored."""
        rows = self.detections
        score = np.where(rows["is_anomaly"], np.nan, rows["score"].to_numpy(dtype=np.float64, na_value=np.nan))
        if not np.isfinite(score).any():
            return None
        return {str(key): value for key, value in rows.iloc[int(np.nanargmax(score))].items()}

    def alarm_rows(self) -> list[dict[str, Any]]:
        """The alarms as plain data."""
        return [
            {
                "device_id": one.device_id,
                "signal": one.signal,
                "first": self.shown(one.device_id, one.first),
                "last": self.shown(one.device_id, one.last),
                "flagged": one.flagged,
                "score": one.score,
                "severity": one.severity,
                "reason": one.reason,
            }
            for one in self.alarms
        ]


def means(reason: str) -> str:
    """The sentence behind a reason."""
    return REASONS.get(reason, reason)
