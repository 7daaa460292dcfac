"""What the local detector could not judge is asked of a server of the protocol, on the driver, within a budget.

On the driver, because on serverless and standard compute UDFs reach no network. Never fails the batch: a row that got
no answer keeps its status, and its reason says why (`fallback_timeout`, `fallback_gone`, ...).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import functions as F

from ad_stream.azure_api.client import AnswerError, Breaker, Client
from ad_stream.grid import MINUTE, Grid
from ad_stream.http import Patience
from ad_stream.incidents.alarms import continues
from ad_stream.model import SCORED
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.schema import VERDICT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ad_stream import config

NAME = "azure_api"
KEY = ("device_id", "signal", "step")
LOCAL_ONLY = {"model", "value", "score", "sr_score", "points", "imputed"} | {
    name for name in DETECTIONS.named(VERDICT) if name.startswith("slow_")
}
"""What a verdict says that no server is asked for."""
ANSWER = {column.name: column.type for column in DETECTIONS.used(VERDICT) if column.name not in LOCAL_ONLY}
Series = tuple[str, str]


@dataclass
class FallbackScorer:
    """Asks one server; remembers which series it asked last, so that those over the budget come first next time."""

    settings: config.Fallback
    client: Client
    refractory: int
    grid: Grid = MINUTE
    clock: Callable[[], float] = time.monotonic
    asked: dict[Series, int] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: config.Fallback, refractory: int, grid: Grid = MINUTE) -> FallbackScorer | None:
        """None until an endpoint is configured."""
        if settings.endpoint is None:
            return None
        patience = Patience(timeout=min(10.0, settings.seconds_per_batch), budget=settings.seconds_per_batch, retries=1)
        client = Client(
            settings.endpoint, settings.key, patience=patience, breaker=Breaker(pause=settings.pause_seconds)
        )
        return cls(settings, client, refractory, grid)

    def __call__(self, verdicts: DataFrame, flags: Mapping[Series, datetime]) -> tuple[DataFrame, dict[str, int]]:
        """Verdicts with `window` -> the same rows with the answers in them, and the counts of the table `batches`."""
        rows = verdicts.where("window is not null").select(*KEY, "window").collect()
        if not rows:
            return verdicts, {}
        rows.sort(key=lambda row: (self.asked.get((row["device_id"], row["signal"]), -1), row["step"]))
        answers, counts = self._ask_all(rows)
        self._mark_continuing(answers, flags)
        return _merged(verdicts, answers), counts

    def _ask_all(self, rows: list[Any]) -> tuple[list[dict[str, Any]], dict[str, int]]:
        end, calls, failed = self.clock() + self.settings.seconds_per_batch, 0, 0
        answers = []
        for row in rows:
            left = end - self.clock()
            if left <= 0:
                answers.append(_unanswered(row, "budget"))
                continue
            self.asked[row["device_id"], row["signal"]] = row["step"]
            answer = self._ask(row, left)
            calls += answer["reason"] != "fallback_open"
            failed += answer["status"] is None and answer["reason"] != "fallback_open"
            answers.append(answer)
        return answers, {"fallback_calls": calls, "fallback_failed": failed}

    def _ask(self, row: Any, seconds: float) -> dict[str, Any]:
        window = np.array(row["window"], dtype=np.float64)
        known = np.flatnonzero(np.isfinite(window))
        times = ((known - len(window) + 1 + row["step"]) * self.grid.seconds).astype("datetime64[s]")
        try:
            found = self.client.last(
                window[known], times, budget=seconds, sensitivity=self.settings.sensitivity,
                maxAnomalyRatio=self.settings.max_anomaly_ratio, **_interval(self.grid),
            )  # fmt: skip
        except AnswerError as error:
            return _unanswered(row, error.reason)
        reason = "above" if found.is_positive else "below" if found.is_negative else "normal"
        return _key(row) | {name: getattr(found, name) for name in ANSWER if hasattr(found, name)} | {
            "continuing": False, "status": SCORED, "reason": reason, "detector": NAME,
        }  # fmt: skip

    def _mark_continuing(self, answers: list[dict[str, Any]], flags: Mapping[Series, datetime]) -> None:
        latest = {series: self.grid.step(at) for series, at in flags.items()}
        for answer in sorted(answers, key=lambda one: int(one["step"])):
            if answer["is_anomaly"]:
                series = (answer["device_id"], answer["signal"])
                answer["continuing"] = continues(answer["step"] - latest.get(series, -(10**9)), self.refractory)
                latest[series] = answer["step"]


def _interval(grid: Grid) -> dict[str, Any]:
    """How the protocol names the distance of two points."""
    units = {"daily": 86_400, "hourly": 3_600, "minutely": 60, "secondly": 1}
    name, size = next((name, size) for name, size in units.items() if grid.seconds % size == 0)
    number = grid.seconds // size
    return {"granularity": name} | ({"customInterval": number} if number > 1 else {})


def _key(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in KEY}


def _unanswered(row: Any, reason: str) -> dict[str, Any]:
    return _key(row) | dict.fromkeys(ANSWER) | {"reason": f"fallback_{reason}"}


def _merged(verdicts: DataFrame, answers: list[dict[str, Any]]) -> DataFrame:
    names = [*KEY, *ANSWER]
    schema = "device_id string, signal string, step long, " + ", ".join(f"{k} {v}" for k, v in ANSWER.items())
    rows = verdicts.sparkSession.createDataFrame([tuple(answer[name] for name in names) for answer in answers], schema)
    given = rows.select(*KEY, F.struct(*ANSWER).alias("answer"))
    joined = verdicts.join(F.broadcast(given), list(KEY), "left")
    return joined.withColumns({name: F.coalesce(f"answer.{name}", name) for name in ANSWER})
