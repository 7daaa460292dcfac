"""The kinds of sources: one line each, which all that differs between kinds derives from.

A kind of another distribution is a `SourceKind` under an entry point of the group `ad_stream.sources`; its name is the
`kind` in the configuration (ad_stream.plugins).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import PydanticCustomError

from ad_stream import plugins
from ad_stream.errors import ConfigError, SetupError, did_you_mean
from ad_stream.sources.contract import COLUMNS, Reader, SourceSettings, Yields
from ad_stream.sources.event_hubs.settings import EventHubsSource
from ad_stream.sources.files.settings import FilesSource
from ad_stream.sources.kafka.settings import KafkaSource
from ad_stream.sources.landing.settings import LandingSource
from ad_stream.sources.table.settings import TableSource

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

GROUP: plugins.Group = "ad_stream.sources"
WANTED = "an ad_stream.sources.registry.SourceKind"
UNKNOWN = "unknown_kind"
"""Type of the error that pydantic reports for a kind that nobody has."""


@dataclass(frozen=True)
class DatabricksLimits:
    """What a kind needs of a Databricks cluster.

    jars: sets of jars (keys of SparkVersion.jars) that no runtime brings, which rules serverless compute out.
    runtime: the one to start, where not the newest. instead: the way out for who wants serverless.
    """

    jars: tuple[str, ...] = ()
    runtime: str | None = None
    instead: str = "use another kind of source"


ANYWHERE = DatabricksLimits()


@dataclass(frozen=True)
class SourceKind:
    """One kind of source.

    reader: 'module:class' of a Reader, loaded by a run only, because it needs Spark. jars: sets of jars that a local
    session is started with. places: settings that name a folder, which must not be one of this machine on Databricks.
    """

    settings: type[SourceSettings]
    reader: str
    yields: Yields
    jars: tuple[str, ...] = ("delta",)
    places: tuple[str, ...] = ()
    databricks: DatabricksLimits = ANYWHERE


SCALA_2_12 = DatabricksLimits(("event_hubs",), "16.4.x-scala2.12", "read the hub with source.kind kafka")
KINDS: Mapping[str, SourceKind] = {
    "files": SourceKind(FilesSource, "ad_stream.sources.files.reader:FilesReader", "messages", places=("path",)),
    "kafka": SourceKind(KafkaSource, "ad_stream.sources.kafka.reader:KafkaReader", "messages", ("delta", "kafka")),
    "event_hubs": SourceKind(
        EventHubsSource, "ad_stream.sources.event_hubs.reader:EventHubsReader", "messages", ("delta", "event_hubs"),
        databricks=SCALA_2_12,
    ),
    "table": SourceKind(TableSource, "ad_stream.sources.table.reader:TableReader", "rows", places=("path",)),
    "landing": SourceKind(LandingSource, "ad_stream.sources.landing.reader:LandingReader", "rows", places=("path",)),
}  # fmt: skip
"""kind -> what it is; those of other distributions are not among them."""


def known() -> list[str]:
    """All kinds that a configuration may name."""
    return [*KINDS, *(name for name in plugins.names(GROUP) if name not in KINDS)]


def kind_of(name: str) -> SourceKind:
    """The kind of this name; ConfigError where there is none or two, SetupError where its plugin is broken."""
    theirs = plugins.load(GROUP, name, KINDS, fits=lambda found: isinstance(found, SourceKind), wanted=WANTED)
    found = theirs or KINDS.get(name)
    if found is None:
        raise ConfigError(f"the setting 'source.kind' is {name!r}: {did_you_mean(name, known())}")
    return cast(SourceKind, found)


def settings_of(section: Any) -> Any:
    """The section `source` as settings of its kind; what is no mapping is left to pydantic, which refuses it."""
    if not isinstance(section, Mapping):
        return section
    try:
        return _named(section).settings.model_validate(section)
    except ConfigError as error:  # pydantic lets nothing through but errors of its own
        raise PydanticCustomError(UNKNOWN, "{said}", {"said": str(error)}) from None


def _named(section: Mapping[str, Any]) -> SourceKind:
    if section.get("kind") is None:
        raise ConfigError(f"the setting 'source.kind' is missing: write one of {', '.join(known())}")
    return kind_of(str(section["kind"]))


def reader_of(settings: SourceSettings) -> Reader[SourceSettings]:
    """The reader of these settings."""
    module, _, name = kind_of(settings.kind).reader.partition(":")
    try:
        made = getattr(import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise SetupError(
            f"the reader of source.kind {settings.kind!r} cannot be loaded ({error}): install what it needs"
        ) from None
    return cast("Reader[SourceSettings]", made)


def read(spark: SparkSession, settings: SourceSettings, start: datetime | None) -> DataFrame:
    """The stream of the configured source from `start` on, columns EVENT or ROW."""
    columns = COLUMNS[kind_of(settings.kind).yields]
    return reader_of(settings).read(spark, settings, start).select(*columns)
