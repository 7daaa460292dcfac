"""A configuration: its source and what is done with the telemetry."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, SerializeAsAny, model_validator

from ad_stream.config.durations import Duration, Trigger, as_text
from ad_stream.secrets import Secret
from ad_stream.settings import Section
from ad_stream.sources import registry
from ad_stream.sources.contract import SourceSettings


def _parse_signals(value: object) -> object:
    names = [name for name in value if isinstance(name, str) and name] if isinstance(value, list) else []
    if value != "auto" and (not names or list(dict.fromkeys(names)) != value):
        raise ValueError("write auto, or a list of different names such as [temperature, humidity]")
    return value


Aggregate = Literal["max", "min", "mean", "last", "sum", "count"]
AGGREGATES: tuple[str, ...] = get_args(Aggregate)


class Telemetry(Section):
    """How a body becomes readings.

    signals: `auto` (every numeric top-level member) or the declared names (faster).
    event_time: `enqueued`, or the name of the body's own time member (then least(body time, enqueued time)).
    max_body: bytes; a longer body goes to quarantine as `too_large`. keep_body: bytes of a bad body that are kept.
    """

    signals: Annotated[Literal["auto"] | list[str], BeforeValidator(_parse_signals)] = "auto"
    ignore: list[str] = Field(default=[])
    device_id: list[str] = Field(default=["system", "deviceId"], min_length=1)
    event_time: str = "enqueued"
    max_future: Duration = timedelta(minutes=5)
    max_body: int = Field(default=262_144, ge=1)
    keep_body: int = Field(default=1024, ge=0, le=65_536)


class Minutes(Section):
    """How readings become minutes; watermark = how long a minute waits for its events, whole minutes."""

    aggregate: Aggregate = "max"
    watermark: Duration = timedelta(minutes=2)

    @model_validator(mode="after")
    def _whole_minutes(self) -> Minutes:
        seconds = self.watermark.total_seconds()
        if seconds < 0 or seconds % 60:
            raise ValueError(f"watermark is {as_text(self.watermark)}: give whole minutes, such as '2 minutes'")
        return self


class Detection(Section):
    """Which detector judges, and what it may flag.

    points: minutes of history it sees (12 to 10080), by default as many as the detector wants. sensitivity: 0..99,
    higher flags more. direction: which side counts. min_deviation: in the unit of the signal;
    min_relative_deviation: as a share of the expected value. max_gap: minutes that are filled. refractory: a flag this
    soon after one of the same series is `continuing`.
    """

    detector: str = "default"
    points: int | None = Field(default=None, ge=12, le=10_080)
    sensitivity: int = Field(default=95, ge=0, le=99)
    direction: Literal["both", "up", "down"] = "both"
    min_deviation: float = Field(default=0.0, ge=0)
    min_relative_deviation: float = Field(default=0.0, ge=0)
    max_gap: int = Field(default=5, ge=0)
    refractory: Duration = timedelta(minutes=10)

    def options(self) -> dict[str, Any]:
        """What the detector itself is told."""
        return self.model_dump(exclude={"detector", "refractory"}, exclude_none=True)


class Fallback(Section):
    """A server of the retired service's protocol that is asked for what the local detector could not judge."""

    endpoint: str | None = None
    key: Secret | None = None
    min_points: int = Field(default=12, ge=12)
    sensitivity: int = Field(default=95, ge=0, le=99)
    max_anomaly_ratio: float = Field(default=0.25, gt=0, le=0.49)
    seconds_per_batch: float = Field(default=20, gt=0)
    pause_seconds: float = Field(default=60, ge=0)


class Tables(Section):
    """Where results go: a folder (`path`), or `catalog` and `schema` on Databricks."""

    path: str | None = None
    catalog: str | None = None
    schema_: str | None = Field(default=None, alias="schema")

    @model_validator(mode="after")
    def _one_place(self) -> Tables:
        if bool(self.path) == bool(self.catalog and self.schema_):
            raise ValueError("give either path, or both catalog and schema")
        return self


class PushTarget(Section):
    """One target of the push seam; what else it takes is checked by the target itself (docs/push.md)."""

    model_config = ConfigDict(extra="allow", frozen=True, arbitrary_types_allowed=True)
    kind: str
    name: str | None = None
    url: Secret | None = None
    client_secret: Secret | None = None
    connection_string: Secret | None = None
    rows: Literal["all", "anomalies"] | None = None

    def options(self) -> dict[str, Any]:
        """All settings of the target that are given, but its kind."""
        return {name: value for name, value in self if name != "kind" and value is not None}


class Metrics(Section):
    """Where Prometheus may ask a running stream; reachable from this machine only unless `host` says otherwise."""

    port: int = Field(ge=1, le=65_535)
    host: str = "127.0.0.1"


class Config(Section):
    """One run. `source` and `tables` are required, the rest has defaults."""

    source: Annotated[SerializeAsAny[SourceSettings], BeforeValidator(registry.settings_of)]
    telemetry: Telemetry = Telemetry()
    minutes: Minutes = Minutes()
    detection: Detection = Detection()
    fallback: Fallback = Fallback()
    tables: Tables
    push: list[PushTarget] = Field(default=[])
    trigger: Trigger = timedelta(minutes=1)
    checkpoint: str = ".ad_stream/checkpoint"
    metrics: Metrics | None = None
    spark: dict[str, str | int | float | bool] = Field(default={})

    def version(self) -> str:
        """12 hex digits that change when a setting changes that a verdict rests on (column `config_version`)."""
        part = self.model_dump(mode="json", include={"telemetry", "minutes", "detection", "fallback"})
        part["fallback"].pop("key", None)
        return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:12]

    def with_tables_under(self, folder: Path) -> Config:
        """The same run with tables and checkpoint below `folder` (demo, tests)."""
        return self.model_copy(
            update={"tables": Tables(path=str(folder / "tables")), "checkpoint": str(folder / "checkpoint")}
        )
