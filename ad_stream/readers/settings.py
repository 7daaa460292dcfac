"""The section `sources`: each named source by its kind, and which column means what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ad_stream.durations import Duration
from ad_stream.secrets import Secret
from ad_stream.settings import Section


def _parse_values(value: object) -> object:
    """[temperature, humidity] -> {temperature: temperature, humidity: humidity}."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value):
        return {name: name for name in value}
    return value


def _no_nul(value: str) -> str:
    if "\0" in value:  # C libraries end a text there
        raise ValueError("a name must not hold a NUL: leave it out")
    return value


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("name a time zone such as Europe/Berlin or UTC") from None
    return value


Name = Annotated[str, Field(min_length=1), AfterValidator(_no_nul)]
Values = Annotated[dict[Name, Name], BeforeValidator(_parse_values), Field(min_length=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Zone = Annotated[str, AfterValidator(_known_zone)]
Dimensions = Annotated[list[Name], Field(max_length=8)]
PARTS = "/"
"""Between the texts of several columns that are the name of a device together."""


class NamedSource(Section):
    """What every kind has. settle: how old the end of a range must be before the range is read, since rows of it may still be
    on their way. recheck: so long after that it is looked at once more (docs/sources.md). audit: so long after that the rows
    that came still later are counted; not set: never. missing: values such as -9999 by which the
    source says that nothing was measured; such readings are left out."""

    kind: str
    settle: Duration = timedelta(seconds=30)
    recheck: Duration = timedelta(minutes=10)
    audit: Duration | None = None
    missing: list[Finite] = Field(default=[], max_length=20)


class ColumnSource(NamedSource):
    """A source with columns: those of a table of one reading a row (`signal`, `value`) or of readings side by side (`values`,
    a list, or signal: column). sequence: the column that numbers or names the rows; without it rows equal in device, signal,
    time and value are one. dimensions: columns whose texts, joined by /, name the device in place of `device`."""

    device: Name = "device_id"
    dimensions: Dimensions = Field(default=[])
    time: Name = "time"
    signal: Name | None = None
    value: Name | None = None
    values: Values | None = None
    sequence: Name | None = None
    time_zone: Zone | None = None

    @model_validator(mode="after")
    def _one_form(self) -> ColumnSource:
        if self.values is not None and (self.signal, self.value) != (None, None):
            raise ValueError("give either signal and value (one reading a row), or values (readings side by side)")
        return self

    def columns(self) -> Mapping[str, str]:
        """Setting -> the column that it names; each signal of `values` under its own name."""
        readings = (
            {"signal": self.signal or "signal", "value": self.value or "value"}
            if self.values is None
            else {f"values.{signal}": column for signal, column in self.values.items()}
        )
        parts = {f"dimensions.{number}": column for number, column in enumerate(self.dimensions)}
        named = {**(parts or {"device": self.device}), "time": self.time, **readings, "sequence": self.sequence}
        return {setting: column for setting, column in named.items() if column is not None}


class PostgresqlSource(ColumnSource):
    """PostgreSQL, Timescale and what speaks their protocol; needs `pip install 'ad-stream[postgresql]'`.

    table, schema: what is read, or query: a SELECT of your own in their place. time_zone: of a time column that has none,
    required there. tls: require (encrypted), verify (and the server's certificate is checked, against the file `ca` or the
    authorities of the system) or off. timeout: of one query.
    """

    kind: Literal["postgresql"]
    host: Name
    port: int = Field(default=5432, ge=1, le=65_535)
    database: Name
    user: Name
    password: Secret | None = None
    tls: Literal["require", "verify", "off"] = "require"
    ca: Name | None = None
    table: Name | None = None
    schema_: Name = Field(default="public", alias="schema")
    query: Name | None = None
    timeout: Duration = timedelta(minutes=1)

    @model_validator(mode="after")
    def _one_place(self) -> PostgresqlSource:
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table, or query (a SELECT)")
        return self


class SqlServerSource(ColumnSource):
    """SQL Server and Azure SQL; needs `pip install 'ad-stream[sqlserver]'`.

    table, schema: what is read, or query: a SELECT of your own in their place. time_zone: of a time column that has no offset
    (datetime, datetime2), required there. tls: require (encrypted; the certificate is not looked at) or off. timeout: of one
    query.
    """

    kind: Literal["sqlserver"]
    host: Name
    port: int = Field(default=1433, ge=1, le=65_535)
    database: Name
    user: Name
    password: Secret
    tls: Literal["require", "off"] = "require"
    table: Name | None = None
    schema_: Name = Field(default="dbo", alias="schema")
    query: Name | None = None
    timeout: Duration = timedelta(minutes=1)

    @model_validator(mode="after")
    def _one_place(self) -> SqlServerSource:
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table, or query (a SELECT)")
        return self


class InfluxdbSource(NamedSource):
    """InfluxDB by InfluxQL over HTTP, which 1.x and, with a mapping of the database, 2.x answer.

    measurement and `values`: its fields (a list, or signal: field). device: the tag that names the device. Either token, or
    user and password. retention_policy: by default that of the database. timeout: of one query.
    """

    kind: Literal["influxdb"]
    url: str = Field(pattern=r"^https?://[^/\s?#@]+(/[^\s?#]*)?$")
    database: Name
    measurement: Name
    values: Values
    device: Name = "device"
    retention_policy: Name | None = None
    user: Name | None = None
    password: Secret | None = None
    token: Secret | None = None
    timeout: Duration = timedelta(minutes=1)

    @model_validator(mode="after")
    def _one_credential(self) -> InfluxdbSource:
        if self.token is not None and (self.user, self.password) != (None, None):
            raise ValueError("give either token, or user and password")
        if (self.user is None) != (self.password is None):
            raise ValueError("give user and password together")
        return self


class RestSource(NamedSource):
    """A service that answers `GET <url>/<device>/<days>` with JSON: a list of objects with a time and signals, or such a list
    as member `rows` beside `next`, the address of the next page (what `ad-stream serve --tables` answers, too).

    devices: whose readings are asked for. code: the key, sent as `?code=`; token: sent as `Authorization: Bearer`. time: the
    member of the time. values: the signals; without them every member that is a number. time_zone: of times that name none.
    """

    kind: Literal["rest"]
    url: str = Field(pattern=r"^https?://[^/\s?#@]+(/[^\s?#]*)?$")
    devices: list[Name] = Field(min_length=1)
    time: Name = "timestamp"
    values: Values | None = None
    code: Secret | None = None
    token: Secret | None = None
    time_zone: Zone | None = None
    timeout: Duration = timedelta(minutes=1)


class TableFilesSource(NamedSource):
    """Files that somebody else writes: CSV, JSON lines, Parquet or workbooks, long or wide, told apart as `ad-stream detect`
    tells them (docs/own_files.md). path: a file or a pattern.

    device, time, signal, value, values: columns, where their names do not say so. dimensions: columns whose texts, joined by /, name
    the device in place of `device`. time_zone, date_order, decimal: where the
    cells do not say so. Without `time_zone` a time that names no zone is UTC.
    """

    kind: Literal["table_files"]
    path: Name
    device: Name | None = None
    dimensions: Dimensions = Field(default=[])
    time: Name | None = None
    signal: Name | None = None
    values: list[Name] = Field(default=[])
    time_zone: Zone | None = None
    date_order: Literal["day", "month"] | None = None
    decimal: Literal[",", "."] | None = None
