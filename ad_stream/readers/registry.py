"""The kinds of named sources: a line each, which all that differs between kinds derives from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import PydanticCustomError

from ad_stream.errors import ConfigError, did_you_mean
from ad_stream.readers.settings import (
    InfluxdbSource,
    NamedSource,
    PostgresqlSource,
    RestSource,
    SqlServerSource,
    TableFilesSource,
)

if TYPE_CHECKING:
    from ad_stream.readers.contract import RangeReader

UNKNOWN = "unknown_kind"
"""Type of the error that pydantic reports for a kind that nobody has, as ad_stream.sources.registry has it."""


@dataclass(frozen=True)
class NamedKind:
    """settings: of a source of this kind; reader: 'module:class' of its RangeReader, loaded when it is used."""

    settings: type[NamedSource]
    reader: str


KINDS: Mapping[str, NamedKind] = {
    "postgresql": NamedKind(PostgresqlSource, "ad_stream.readers.postgresql:PostgresqlReader"),
    "influxdb": NamedKind(InfluxdbSource, "ad_stream.readers.influxdb:InfluxdbReader"),
    "sqlserver": NamedKind(SqlServerSource, "ad_stream.readers.sqlserver:SqlServerReader"),
    "rest": NamedKind(RestSource, "ad_stream.readers.rest:RestReader"),
    "table_files": NamedKind(TableFilesSource, "ad_stream.readers.table_files:TableFilesReader"),
}


def settings_of(section: Any) -> Any:
    """One member of the section `sources` as settings of its kind; what is no mapping is left to pydantic."""
    if not isinstance(section, Mapping):
        return section
    kind = str(section.get("kind"))
    if kind not in KINDS:
        said = f"the kind of a named source is {kind!r}: {did_you_mean(kind, list(KINDS))}"
        raise PydanticCustomError(UNKNOWN, "{said}", {"said": said})
    return KINDS[kind].settings.model_validate(section)


def reader_of(name: str, sources: Mapping[str, NamedSource]) -> RangeReader[NamedSource]:
    """The reader of the source of this name; ConfigError where the configuration has none."""
    if name not in sources:
        way = did_you_mean(name, list(sources)) if sources else "the configuration has no section sources"
        raise ConfigError(f"there is no source {name!r}: {way}")
    module, _, made = KINDS[sources[name].kind].reader.partition(":")
    reader = cast("RangeReader[NamedSource]", getattr(import_module(module), made)(name, sources[name]))
    if not sources[name].missing:
        return reader
    from ad_stream.readers.missing import WithoutMissing

    return WithoutMissing(reader)
