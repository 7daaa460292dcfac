"""What a run is told: YAML -> checked settings.

Unknown keys are errors that name the near one. Durations are written "2 minutes", "90 seconds", "1 hour" or as a
number of seconds. Relative paths resolve against the working directory. Secrets stay references (ad_stream.secrets).
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from ad_stream.arguments import merged, moment
from ad_stream.durations import Duration, Trigger, as_text
from ad_stream.errors import ConfigError, InputError
from ad_stream.secrets import Secret, redact


def _parse_signals(value: object) -> object:
    names = [name for name in value if isinstance(name, str) and name] if isinstance(value, list) else []
    if value != "auto" and (not names or list(dict.fromkeys(names)) != value):
        raise ValueError("write auto, or a list of different names such as [temperature, humidity]")
    return value


Aggregate = Literal["max", "min", "mean", "last", "sum", "count"]
AGGREGATES: tuple[str, ...] = get_args(Aggregate)


class Section(BaseModel):
    """A part of the configuration; unknown keys are refused, values cannot be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _known_start(value: str) -> str:
    if value in ("earliest", "latest"):
        return value
    try:
        moment(value)
    except InputError as error:
        raise ValueError(f"write earliest, latest or a time ({error})") from None
    return value


Start = Annotated[str, AfterValidator(_known_start)]
"""earliest | latest | a time such as 2026-11-01T06:30Z, UTC where it names no zone."""


def _no_latest(value: str) -> str:
    if value == "latest":
        raise ValueError("files have no latest event, write earliest or a time")
    return value


FilesStart = Annotated[Start, AfterValidator(_no_latest)]


class FilesSource(Section):
    """JSON-lines files in the envelope of the design; a folder that is read in order of modification time.

    start: earliest, or the enqueued time before which events are left out.
    """

    kind: Literal["files"]
    path: str
    files_per_trigger: int | None = Field(default=None, ge=1)
    start: FilesStart = "earliest"


class ServicePrincipal(Section):
    """An Entra application that may receive from the event hub."""

    tenant_id: str
    client_id: str
    client_secret: Secret


class KafkaSource(Section):
    """A Kafka topic, or an event hub through its Kafka endpoint.

    One of these says who asks, none means plain Kafka: connection_string of the event hub or its namespace,
    service_principal (Entra), service_credential (its name in Unity Catalog).
    topic: the event hub's name; may be left out where the connection string names it (EntityPath).
    bootstrap_servers: host:port; with a connection string its host and port 9093.
    contiguous: whether every offset holds an event, so that a missing one is lost data; say false for topics with
    transactions or compaction. options: further settings of Spark's Kafka source (`kafka.*` for its client), they win.
    """

    kind: Literal["kafka"]
    topic: str | None = None
    bootstrap_servers: str | None = None
    connection_string: Secret | None = None
    service_principal: ServicePrincipal | None = None
    service_credential: str | None = None
    events_per_trigger: int | None = Field(default=None, ge=1)
    start: Start = "earliest"
    contiguous: bool = True
    options: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_server(self) -> KafkaSource:
        asking = [self.connection_string, self.service_principal, self.service_credential]
        if sum(one is not None for one in asking) > 1:
            raise ValueError("give only one of connection_string, service_principal and service_credential")
        if self.connection_string is None and None in (self.bootstrap_servers, self.topic):
            raise ValueError("name bootstrap_servers and topic, or the connection_string of the event hub")
        return self


class EventHubsSource(Section):
    """An event hub or IoT Hub's built-in endpoint through the azure-eventhubs-spark connector (Scala 2.12 only).

    connection_string: of the event hub (with EntityPath). events_per_trigger: not heeded by trigger: available_now, where
    the connector would never come past it. options: further settings of the connector, they win.
    """

    kind: Literal["event_hubs"]
    connection_string: Secret
    consumer_group: str = "$Default"
    events_per_trigger: int | None = Field(default=None, ge=1)
    start: Start = "earliest"
    options: dict[str, str] = {}


Source = Annotated[FilesSource | KafkaSource | EventHubsSource, Field(discriminator="kind")]


class Telemetry(Section):
    """How a body becomes readings.

    signals: `auto` (every numeric top-level member) or the declared names (faster).
    event_time: `enqueued`, or the name of the body's own time member (then least(body time, enqueued time)).
    max_body: bytes; a longer body goes to quarantine as `too_large`. keep_body: bytes of a bad body that are kept.
    """

    signals: Annotated[Literal["auto"] | list[str], BeforeValidator(_parse_signals)] = "auto"
    ignore: list[str] = []
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

    source: Source
    telemetry: Telemetry = Telemetry()
    minutes: Minutes = Minutes()
    detection: Detection = Detection()
    fallback: Fallback = Fallback()
    tables: Tables
    push: list[PushTarget] = []
    trigger: Trigger = timedelta(minutes=1)
    checkpoint: str = ".ad_stream/checkpoint"
    metrics: Metrics | None = None
    spark: dict[str, str | int | float | bool] = {}

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


def load(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read and check a YAML file; ConfigError is one sentence with key, value and the way out."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the configuration {str(path)!r} cannot be read ({error.strerror}): name an existing YAML file"
        ) from None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = f" in line {mark.line + 1}" if (mark := getattr(error, "problem_mark", None)) else ""
        raise ConfigError(f"{str(path)!r} is no valid YAML{where}: {getattr(error, 'problem', 'mend it')}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{str(path)!r} holds no settings: start from conf/local.yaml")
    return parse(merged(content, overrides or {}))


def parse(content: Mapping[str, Any]) -> Config:
    """A mapping -> Config; ConfigError names the first wrong setting."""
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError(_sentence(error.errors(include_url=False)[0])) from None


def parse_detection(settings: Mapping[str, Any]) -> Detection:
    """The section `detection` on its own, for the doors that take its settings as arguments."""
    try:
        return Detection.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(_sentence({**first, "loc": ("detection", *first["loc"])})) from None


def _sentence(first: Mapping[str, Any]) -> str:
    place = [str(part) for part in first["loc"] if part not in {"files", "kafka", "event_hubs", "constrained-int"}]
    place = place[:2] if place[:1] == ["spark"] else place
    key, value, kind = ".".join(place) or "the configuration", first.get("input"), first["type"]
    if kind == "extra_forbidden":
        return f"unknown setting {key!r}{_near(place)}"
    if kind == "missing":
        return f"the setting {key!r} is missing: add it (conf/local.yaml shows all of them)"
    if kind.startswith("union_tag"):
        return f"the setting 'source.kind' is {first['ctx'].get('tag', 'missing')!r}: write files, kafka or event_hubs"
    shown = "" if isinstance(value, Mapping) else f" is {_shown(key, value)}"
    way_out = (
        "write its settings indented below it" if kind == "model_type" else first["msg"].removeprefix("Value error, ")
    )
    return f"the setting {key!r}{shown}: {way_out}"


def _shown(key: str, value: object) -> str:
    return "***" if re.search(r"key|secret|password|connection|url", key) else redact(repr(value))[:200]


def _near(place: list[str]) -> str:
    names = _names(place[:-1])
    near = difflib.get_close_matches(place[-1], names, n=1, cutoff=0.5)
    return f": did you mean {near[0]!r}?" if near else f": known here are {', '.join(names)}"


def _names(place: list[str]) -> list[str]:
    sections: dict[str, type[BaseModel] | list[type[BaseModel]]] = {
        "source": [FilesSource, KafkaSource, EventHubsSource], "telemetry": Telemetry, "minutes": Minutes,
        "detection": Detection, "fallback": Fallback, "tables": Tables, "metrics": Metrics,
    }  # fmt: skip
    found = sections.get(place[0], Config) if place else Config
    models = found if isinstance(found, list) else [found]
    return sorted({field.alias or name for model in models for name, field in model.model_fields.items()})
