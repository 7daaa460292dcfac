"""A configuration: its source and what is done with the telemetry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializeAsAny,
    model_validator,
)

from ad_stream.config.incidents import Dimensions, Incidents
from ad_stream.config.joint import Joint
from ad_stream.config.schedules import Schedule, checked_names
from ad_stream.config.telemetry import Telemetry
from ad_stream.durations import Duration, Trigger, as_text
from ad_stream.errors import ConfigError, did_you_mean
from ad_stream.grid import DEFAULT, MINUTE, Grid
from ad_stream.model import LONG_HISTORY, REFRACTORY, DetectorSpec
from ad_stream.readers import registry as readers
from ad_stream.readers.settings import NamedSource
from ad_stream.secrets import Secret
from ad_stream.settings import Section
from ad_stream.sources import registry
from ad_stream.sources.contract import SourceSettings
from ad_stream.sources.landing.settings import LandingSource

Aggregate = Literal["max", "min", "mean", "last", "sum", "count"]
AGGREGATES: tuple[str, ...] = get_args(Aggregate)


class Minutes(Section):
    """How readings become windows.

    every: length of a window, 10 seconds to 1 day, of which a day holds a whole number; all that counts windows (points,
    max_gap, fallback.min_points) counts these. watermark: how long a window waits for its events after its end, whole
    minutes, with another `every` than 1 minute whole seconds.
    """

    every: Duration = DEFAULT
    aggregate: Aggregate = "max"
    watermark: Duration = timedelta(minutes=2)

    @model_validator(mode="after")
    def _whole(self) -> Minutes:
        grid = Grid.of(self.every)
        unit, example = (1, "whole seconds, such as '30 seconds'")
        if grid == MINUTE:
            unit, example = (60, "whole minutes, such as '2 minutes'")
        seconds = self.watermark.total_seconds()
        if seconds < 0 or seconds % unit:
            raise ValueError(f"watermark is {as_text(self.watermark)}: give {example}")
        return self

    @property
    def grid(self) -> Grid:
        """The windows of `every`."""
        return Grid.of(self.every)


def _parse_detector(value: object) -> object:
    """'default', {name: ar, order: 8} or the same as text -> DetectorSpec."""
    if isinstance(value, DetectorSpec):
        return value
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = yaml.safe_load(value)
    said = {"name": value} if isinstance(value, str) else dict(value) if isinstance(value, Mapping) else {}
    name, model = said.pop("name", None), said.pop("model", None)
    if not isinstance(name, str) or not (model is None or isinstance(model, str)):
        raise ValueError("write the name of a detector, or {name: ar, order: 8}")
    options = tuple(sorted((str(key), tuple(one) if isinstance(one, list) else one) for key, one in said.items()))
    return DetectorSpec(name, options, model)


Detector = Annotated[
    DetectorSpec, PlainValidator(_parse_detector), PlainSerializer(lambda spec: spec.setting, return_type=Any)
]


MOST_POINTS = 10_080
"""Windows of history that a stream may be made to keep of every series."""


class Detection(Section):
    """Which detector judges, and what it may flag.

    detector: its name, or {name: ar, order: 8} with options of its own (docs/detectors.md).
    points: windows of history it sees (12 to 10080), by default as many as the detector wants. sensitivity: 0..99,
    higher flags more. direction: which side counts. min_deviation: in the unit of the signal;
    min_relative_deviation: as a share of the expected value. max_gap: windows that are filled. refractory: a flag this
    soon after one of the same series is `continuing`; shorter than a window it counts as one.
    slow: give the slow verdict, too: drifts and stuck values, in columns of its own; it wants 260 points. history: how far
    back the readings of series that report more seldom than once a window count, so that these have as many, too.
    kind: of the series, best said for single ones (docs/series_config.md): a gauge is judged by its readings, a counter by
    its rate, a state by the time it lasts; auto: what its window looks like (docs/detectors.md). compare: up to three further
    detectors that judge the same windows for the table `comparisons`; nobody is told of them, and each costs what it costs alone.
    """

    detector: Detector = DetectorSpec("default")
    points: int | None = Field(default=None, ge=12, le=MOST_POINTS)
    sensitivity: int = Field(default=95, ge=0, le=99)
    direction: Literal["both", "up", "down"] = "both"
    min_deviation: float = Field(default=0.0, ge=0)
    min_relative_deviation: float = Field(default=0.0, ge=0)
    max_gap: int = Field(default=5, ge=0)
    refractory: Duration = REFRACTORY
    slow: bool = True
    history: Duration = LONG_HISTORY
    kind: Literal["gauge", "counter", "state", "auto"] = "gauge"
    compare: tuple[Detector, ...] = Field(default=(), max_length=3)

    @model_validator(mode="after")
    def _known_detector(self) -> Detection:
        from ad_stream.detectors import make

        if self.detector.model is None:  # whether a model is stored, the tables say
            try:
                make(self.detector, **self.shared_options())
            except ConfigError as error:
                raise ValueError(str(error)) from None
        return self

    @model_validator(mode="after")
    def _comparable(self) -> Detection:
        from ad_stream.detectors import make

        names = [spec.name for spec in self.compare]
        if twice := sorted({name for name in names if names.count(name) > 1 or name == self.detector.name}):
            raise ValueError(f"compare names {twice[0]} a second time (detection.detector counts): leave it out")
        for spec in self.compare:
            try:
                made = make(spec, **{name: one for name, one in self.shared_options().items() if name != "points"})
            except ConfigError as error:
                raise ValueError(f"compare: {error}") from None
            if made.points > MOST_POINTS:
                raise ValueError(f"compare: {spec.name} wants {made.points:,} points, give it {MOST_POINTS:,} or fewer")
        return self

    def shared_options(self) -> dict[str, Any]:
        """What every detector is told."""
        return self.model_dump(include={"points", "sensitivity", "max_gap", "kind"}, exclude_none=True)

    def suppression(self) -> dict[str, Any]:
        """Which flags are taken back, whatever the detector."""
        return self.model_dump(include={"direction", "min_deviation", "min_relative_deviation"})


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
    routing_key: Secret | None = None
    rows: Literal["all", "anomalies", "incidents", "joint"] | None = None

    def options(self) -> dict[str, Any]:
        """All settings of the target that are given, but its kind."""
        return {name: value for name, value in self if name != "kind" and value is not None}


class Metrics(Section):
    """Where Prometheus may ask a running stream; reachable from this machine only unless `host` says otherwise."""

    port: int = Field(ge=1, le=65_535)
    host: str = "127.0.0.1"


BASELINE: dict[str, frozenset[str]] = {
    "telemetry": frozenset({"signals", "ignore", "device_id", "event_time", "max_future", "max_body", "keep_body"}),
    "minutes": frozenset({"aggregate", "watermark"}),
    "detection": frozenset(
        {
            "detector",
            "points",
            "sensitivity",
            "direction",
            "min_deviation",
            "min_relative_deviation",
            "max_gap",
            "refractory",
        }
    ),
    "fallback": frozenset(
        {"endpoint", "min_points", "sensitivity", "max_anomaly_ratio", "seconds_per_batch", "pause_seconds"}
    ),
}
"""The settings that are part of every `config_version`: those of 0.1.0. A later one joins them when its default changes,
because from then on its absence means something else."""
SECRET = {"key"}


def _told(section: Section, known: frozenset[str]) -> dict[str, Any]:
    """The settings of a section that count: those of the baseline, and of the later ones those not at their default."""
    silent = SECRET | {"compare"}  # no verdict rests on what else is looked at
    told = section.model_dump(mode="json", exclude=silent)
    later = section.model_dump(mode="json", exclude=silent, exclude_defaults=True)
    return {name: value for name, value in told.items() if name in known or name in later}


class HeartbeatTo(Section):
    """Whom to tell every so often that the stream lives: an address that calls somebody when nothing comes any more."""

    url: Secret
    every: Duration = timedelta(minutes=5)


Sources = dict[
    Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")],
    Annotated[SerializeAsAny[NamedSource], BeforeValidator(readers.settings_of)],
]
"""name -> the source."""


class Config(Section):
    """One run. `source` and `tables` are required, the rest has defaults.

    sources: databases, services and files by name, which `ad-stream sources`, `detect --source` and a source of kind landing
    read.

    set_aside: rows that a batch can never write for their data, and events with which it fails before it has rows, go to
    the table `set_aside`; else such a batch ends the run.
    """

    source: Annotated[SerializeAsAny[SourceSettings], BeforeValidator(registry.settings_of)]
    sources: Sources = Field(default={})
    telemetry: Telemetry = Telemetry()
    minutes: Minutes = Minutes()
    detection: Detection = Detection()
    fallback: Fallback = Fallback()
    dimensions: Dimensions = Dimensions()
    incidents: Incidents = Incidents()
    joint: Joint = Joint()
    tables: Tables
    push: list[PushTarget] = Field(default=[])
    trigger: Trigger = timedelta(minutes=1)
    checkpoint: str = ".ad_stream/checkpoint"
    set_aside: bool = True
    metrics: Metrics | None = None
    heartbeat: HeartbeatTo | None = None
    spark: dict[str, str | int | float | bool] = Field(default={})
    schedules: Annotated[dict[str, Schedule], AfterValidator(checked_names)] = Field(default={})

    @model_validator(mode="after")
    def _known_origin(self) -> Config:
        if isinstance(self.source, LandingSource) and self.source.origin not in self.sources:
            way = did_you_mean(self.source.origin, list(self.sources)) if self.sources else "write a section sources"
            raise ValueError(f"source.from names {self.source.origin!r}, which is no member of sources: {way}")
        return self

    def version(self, *others: str) -> str:
        """12 hex digits that change when a setting changes that a verdict rests on (column `config_version`).

        others: detectors that judge some series in place of the run's own. What a release adds changes no version
        while it stands at its default: of the settings that came after 0.1.0 only those that differ from it count,
        and of the detectors' rules only those whose version is not their first.
        """
        from ad_stream.detectors import version_of

        part: dict[str, Any] = {name: _told(getattr(self, name), known) for name, known in BASELINE.items()}
        versions = {name: version_of(name) for name in {self.detection.detector.name, *others}}
        if later := {name: version for name, version in versions.items() if version > 1}:
            part["rules"] = later
        return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:12]

    def with_tables_under(self, folder: Path) -> Config:
        """The same run with tables and checkpoint below `folder` (demo, tests)."""
        return self.model_copy(
            update={"tables": Tables(path=str(folder / "tables")), "checkpoint": str(folder / "checkpoint")}
        )
