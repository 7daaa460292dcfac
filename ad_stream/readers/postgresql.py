"""PostgreSQL, Timescale and what speaks their protocol, by ADBC: rows arrive as Arrow batches, in a read-only session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from ad_stream.errors import AdStreamError, ConfigError, InputError, SetupError
from ad_stream.readers import postgres_sql as sql
from ad_stream.readers.contract import (
    Only,
    RangeReader,
    SourceAwayError,
    SourceColumn,
    TimeRange,
    check_presence,
    long,
)
from ad_stream.readers.settings import PostgresqlSource
from ad_stream.secrets import redact

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection

BATCH_BYTES = 4_000_000
TLS = {"require": "require", "verify": "verify-full", "off": "disable"}
NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric"}
TEXTS = {"text", "varchar", "bpchar", "name"}
AS_TEXT = TEXTS | {"int2", "int4", "int8", "uuid"}
TAKES = {
    "device": AS_TEXT, "dimensions": AS_TEXT, "signal": AS_TEXT, "sequence": AS_TEXT, "value": NUMBERS, "values": NUMBERS,
    "time": {"timestamptz", "timestamp"},
}  # fmt: skip
"""Setting -> types of its column."""
PASSING = {"08", "40", "53", "55", "57", "58"}
"""Classes of SQLSTATE after which the same question may be answered: connection, serialisation, resources, shut-down, system."""


class PostgresqlReader(RangeReader[PostgresqlSource]):
    """A table or a query; each call opens a connection of its own and closes it."""

    def check(self) -> None:
        """Connects, looks at columns and types, and reads an empty range."""
        for _ in self.read(TimeRange(0, 0)):
            pass

    def columns(self) -> list[SourceColumn]:
        """The columns of the table or query, types by their names in PostgreSQL."""
        with self._connected() as connection:
            return [SourceColumn(name, kind) for name, kind in self._types(connection).items()]

    def earliest(self) -> int | None:
        """By the smallest time, for which an index on the column serves."""
        with self._connected() as connection:
            types = self._checked_types(connection)
            query = sql.earliest_query(self.settings, types[self.settings.time] == "timestamp")
            (found,) = (value for batch in self._batches(connection, query) for value in batch.column(0).to_pylist())
        return None if found is None else int(found)

    def read(self, span: TimeRange, only: Only | None = None) -> Iterator[pa.RecordBatch]:
        """In one transaction, so that a range is seen as of one moment."""
        values = self.settings.values
        if only is not None and values is not None and only.signal is not None:
            if only.signal not in values:
                return
            narrowed = self.settings.model_copy(update={"values": {only.signal: values[only.signal]}})
        else:
            narrowed = self.settings
        bound = [] if only is None else [only.device, *([only.signal] if only.signal and values is None else [])]
        with self._connected() as connection:
            types = self._checked_types(connection)
            texts = {name: kind in TEXTS for name, kind in types.items()}
            naive = types[self.settings.time] == "timestamp"
            query = sql.range_query(narrowed, span, naive, texts, len(bound))
            signals = None if narrowed.values is None else list(narrowed.values)
            for batch in self._batches(connection, query, bound):
                yield from long(batch, signals)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise SetupError(
                f"sources.{self.name} is of kind postgresql, for which a package is missing: pip install 'ad-stream[postgresql]'"
            ) from None
        try:
            opened = dbapi.connect(self._address())
        except dbapi.Error as error:
            raise self._told(error) from None
        with closing(opened):
            try:
                yield opened
            except dbapi.Error as error:
                raise self._told(error) from None

    def _address(self) -> str:
        """The URI with its password: never shown."""
        settings = self.settings
        password = "" if settings.password is None else f":{quote(settings.password.reveal(), safe='')}"
        milliseconds = round(settings.timeout.total_seconds() * 1000)
        session = (
            f"-c default_transaction_read_only=on -c statement_timeout={milliseconds} -c TimeZone=UTC"
            " -c standard_conforming_strings=on"
        )
        options = {
            "sslmode": TLS[settings.tls], "application_name": "ad-stream", "connect_timeout": "10", "options": session,
            "keepalives_idle": "15", "keepalives_interval": "5", "keepalives_count": "3", "gssencmode": "disable",
            **({"sslrootcert": settings.ca or "system"} if settings.tls == "verify" else {}),
        }  # fmt: skip
        host = settings.host if ":" not in settings.host else f"[{settings.host}]"
        listed = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())
        user, database = quote(settings.user, safe=""), quote(settings.database, safe="")
        return f"postgresql://{user}{password}@{quote(host, safe='[]:')}:{settings.port}/{database}?{listed}"

    def _types(self, connection: Connection) -> dict[str, str]:
        with closing(connection.cursor()) as cursor:
            cursor.execute(sql.columns_query(self.settings))
            schema = cursor.fetch_record_batch().schema
        return {field.name: _type_of(field) for field in schema}

    def _checked_types(self, connection: Connection) -> dict[str, str]:
        """Column -> type; ConfigError for one that is missing or of a type that its setting does not take."""
        types, settings = self._types(connection), self.settings
        where = "the query" if settings.table is None else f"the table {settings.table!r}"
        check_presence(self.name, settings.columns(), list(types), where)
        for setting, column in settings.columns().items():
            takes = TAKES[setting.partition(".")[0]]
            if types[column] not in takes:
                raise ConfigError(
                    f"sources.{self.name}.{setting}: the column {column!r} is of type {types[column]}: name one of type"
                    f" {', '.join(sorted(takes))}, or give a query that casts it"
                )
        if types[settings.time] == "timestamp" and settings.time_zone is None:
            raise ConfigError(
                f"sources.{self.name}.time: the column {settings.time!r} has no time zone: say which one it is meant in,"
                " time_zone: UTC or time_zone: Europe/Berlin"
            )
        return types

    def _batches(self, connection: Connection, query: str, bound: list[Any] | None = None) -> Iterator[pa.RecordBatch]:
        with closing(connection.cursor()) as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            try:
                cursor.execute(query, bound or None)
                yield from cursor.fetch_record_batch()
            except (OSError, pa.ArrowException) as error:  # what breaks off in the middle comes through Arrow
                raise self._told(error) from None

    def _told(self, error: BaseException) -> AdStreamError:
        """One sentence of what the server or the driver said, without the query and the password."""
        password = [] if self.settings.password is None else [self.settings.password]
        cause = redact(_cause(str(error)), *password)
        settings, name = self.settings, f"sources.{self.name}"
        server = f"{settings.host}:{settings.port}"
        if "authentication failed" in cause or "no password supplied" in cause or "role " in cause:
            return InputError(f"{name}: {server} refuses the user {settings.user!r} ({cause}): check user and password")
        if "SSL" in cause or "certificate" in cause:
            return ConfigError(
                f"{name}: {server} cannot be reached as tls: {settings.tls} asks ({cause}): set tls or ca"
            )
        if "permission denied" in cause:
            return InputError(f"{name}: {cause}: grant SELECT to {settings.user!r}")
        if "does not exist" in cause:
            return ConfigError(f"{name}: {cause}: check database, schema, table and query")
        if "statement timeout" in cause:
            way = f"raise it, index {settings.time!r}, or ask for shorter ranges (source.longest)"
            return SourceAwayError(f"{name}: a query took longer than its timeout: {way}")
        if (state := getattr(error, "sqlstate", None)) and state[:2] not in PASSING:
            return ConfigError(f"{name}: the server refuses the query ({cause}): check query, table and columns")
        return SourceAwayError(f"{name}: {server} does not answer as it should ({cause}): check host, port and query")


def _type_of(field: pa.Field) -> str:
    said = (field.metadata or {}).get(b"POSTGRESQL:type", b"")
    return said.decode().strip("'\"") or str(field.type)


def _cause(text: str) -> str:
    """The part of a driver's message that the server said, in one line."""
    found = re.search(r"(?:ERROR|FATAL):\s+(.*)", text) or re.search(
        r"(?:failed|Failed to connect): (?!connection to)(.*)", text
    )
    return (found[1] if found else text.splitlines()[0] if text else "no cause given").strip().rstrip(".")[:300]
