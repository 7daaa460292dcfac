"""SQL Server and Azure SQL by FreeTDS (pymssql): rows become Arrow batches as they are fetched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ad_stream.errors import AdStreamError, ConfigError, InputError, SetupError
from ad_stream.readers import t_sql as sql
from ad_stream.readers.contract import (
    Only,
    RangeReader,
    SourceAwayError,
    SourceColumn,
    TimeRange,
    check_presence,
    long,
)
from ad_stream.readers.local_times import instants
from ad_stream.readers.settings import SqlServerSource
from ad_stream.secrets import redact

BATCH = 10_000
LOGIN_SECONDS = 10
INTEGERS, NAIVE = {"tinyint", "smallint", "int", "bigint"}, {"datetime", "datetime2", "smalldatetime"}
TEXTS = {"nvarchar", "varchar", "nchar", "char"}
AS_TEXT = TEXTS | INTEGERS | {"uniqueidentifier"}
NUMBERS = INTEGERS | {"float", "real", "decimal", "numeric", "money", "smallmoney", "bit"}
TAKES = {
    "device": AS_TEXT, "dimensions": AS_TEXT, "signal": AS_TEXT, "sequence": AS_TEXT, "value": NUMBERS, "values": NUMBERS,
    "time": NAIVE | {"datetimeoffset"},
}  # fmt: skip
"""Setting -> types of its column."""
REFUSED, NO_DATABASE, DENIED = {18452, 18456, 18470, 18486}, {911, 4060}, {229, 230, 297, 300, 916}
PASSING = {1205, 1222, 10928, 10929, 40197, 40501, 40613, 49918, 49919, 49920}
"""Messages after which the same question may be answered: locks, and what Azure SQL says while it is busy or moves."""
OWN = {20001, 20002, 20003, 20004, 20006, 20009, 20017, 20047}
"""FreeTDS's own, of a connection that is not there or too slow."""
UNSAID = 20018
"""After a login that failed, pymssql keeps no words of a later one in this process that fails as gravely."""


class SqlServerReader(RangeReader[SqlServerSource]):
    """A table or a query; each call opens a connection of its own, that says it only reads, and closes it."""

    def check(self) -> None:
        """Connects, looks at columns and types, and reads an empty range."""
        for _ in self.read(TimeRange(0, 0)):
            pass

    def columns(self) -> list[SourceColumn]:
        """The columns of the table or query, types by their names in SQL Server."""
        with self._connected() as connection:
            return [SourceColumn(name, kind) for name, kind in self._types(connection).items()]

    def earliest(self) -> int | None:
        """By the smallest time, for which an index on the column serves."""
        with self._connected() as connection:
            naive = self._checked_types(connection)[self.settings.time] in NAIVE
            ((found,),) = self._rows(connection, sql.earliest_query(self.settings, naive))
        return None if found is None else int(self._instants(np.array([found], dtype=np.int64), naive)[0])

    def read(self, span: TimeRange, only: Only | None = None) -> Iterator[pa.RecordBatch]:
        """By one statement, in no order."""
        settings, values = self.settings, self.settings.values
        if only is not None and values is not None and only.signal is not None:
            if only.signal not in values:
                return
            settings = settings.model_copy(update={"values": {only.signal: values[only.signal]}})
        with self._connected() as connection:
            types = self._checked_types(connection)
            naive = types[settings.time] in NAIVE
            texts = frozenset(name for name, kind in types.items() if kind in TEXTS)
            query = sql.range_query(settings, span, naive, texts, only)
            signals = None if settings.values is None else list(settings.values)
            for rows in self._fetched(connection, query):
                yield from (_exactly(one, only) for one in long(self._batch(rows, span, naive, signals), signals))

    def _batch(
        self, rows: list[tuple[Any, ...]], span: TimeRange, naive: bool, signals: list[str] | None
    ) -> pa.RecordBatch:
        """Device, instant, sequence and the rest of the rows that are in the span."""
        device, us, sequence, *rest = zip(*rows, strict=True)
        at = self._instants(np.array(us, dtype=np.int64), naive)
        first = [pa.array(device, pa.string()), pa.array(at), pa.array(sequence, pa.string())]
        kinds = [pa.string(), pa.float64()] if signals is None else [pa.float64()] * len(signals)
        columns = [*first, *(pa.array(one, kind) for one, kind in zip(rest, kinds, strict=True))]
        made = pa.RecordBatch.from_arrays(columns, names=[str(number) for number in range(len(columns))])
        return made.filter(pa.array((at >= span.start) & (at < span.end)))

    def _instants(self, us: np.ndarray[Any, np.dtype[np.int64]], naive: bool) -> np.ndarray[Any, np.dtype[np.int64]]:
        zone = self.settings.time_zone
        return us if not naive or zone in (None, "UTC") else instants(us, str(zone))

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        try:
            import pymssql
        except ImportError:
            raise SetupError(
                f"sources.{self.name} is of kind sqlserver, for which a package is missing: pip install 'ad-stream[sqlserver]'"
            ) from None
        settings = self.settings
        try:
            opened = pymssql.connect(
                server=settings.host, port=str(settings.port), user=settings.user, password=settings.password.reveal(),
                database=settings.database, appname="ad-stream", autocommit=True, login_timeout=LOGIN_SECONDS, tds_version="7.4",
                timeout=max(1, round(settings.timeout.total_seconds())), encryption=settings.tls, read_only=True,
            )  # fmt: skip
        except pymssql.Error as error:
            raise self._told(error) from None
        with closing(opened):
            try:
                yield opened
            except pymssql.Error as error:
                raise self._told(error) from None

    def _types(self, connection: Any) -> dict[str, str]:
        rows = self._rows(connection, sql.types_query(self.settings))
        # Of what cannot be described there is one row without a name.
        return {name: str(kind or "unknown").partition("(")[0] for name, kind in rows if name}

    def _checked_types(self, connection: Any) -> dict[str, str]:
        """Column -> type; ConfigError for one that is missing or of a type that its setting does not take."""
        types, settings = self._types(connection), self.settings
        where = "the query" if settings.table is None else f"the table {settings.table!r}"
        if not types:  # what cannot be described is told by the server where it is asked for
            self._rows(connection, f"select top (0) * from {sql.place(settings)}")
        check_presence(self.name, settings.columns(), list(types), where)
        for setting, column in settings.columns().items():
            takes = TAKES[setting.partition(".")[0]]
            if types[column] not in takes:
                raise ConfigError(
                    f"sources.{self.name}.{setting}: the column {column!r} is of type {types[column]}: name one of type"
                    f" {', '.join(sorted(takes))}, or give a query that casts it"
                )
        if types[settings.time] in NAIVE and settings.time_zone is None:
            raise ConfigError(
                f"sources.{self.name}.time: the column {settings.time!r} has no time zone: say which one it is meant in,"
                " time_zone: UTC or time_zone: Europe/Berlin"
            )
        return types

    def _rows(self, connection: Any, query: str) -> list[tuple[Any, ...]]:
        return [row for rows in self._fetched(connection, query) for row in rows]

    def _fetched(self, connection: Any, query: str) -> Iterator[list[tuple[Any, ...]]]:
        with closing(connection.cursor()) as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(BATCH):
                yield rows

    def _told(self, error: BaseException) -> AdStreamError:
        """One sentence of what the server or the driver said, without the query and the password."""
        number, cause = _cause(error)
        cause = redact(cause, self.settings.password)
        settings, name = self.settings, f"sources.{self.name}"
        server = f"{settings.host}:{settings.port}"
        if number in REFUSED:
            way = "check user, password and database"
            return InputError(f"{name}: {server} refuses the user {settings.user!r} ({cause}): {way}")
        if number == UNSAID:
            return SourceAwayError(
                f"{name}: {server} answers with an error ({cause}): check user, password and database"
            )
        if number in NO_DATABASE:
            return ConfigError(f"{name}: {cause}: check database")
        if number in DENIED:
            return InputError(f"{name}: {cause}: grant SELECT to {settings.user!r}")
        if number in PASSING | OWN or number <= 0:
            return SourceAwayError(
                f"{name}: {server} does not answer as it should ({cause}): check host, port, tls and timeout"
            )
        return ConfigError(f"{name}: the server refuses the query ({cause}): check query, schema, table and columns")


def _exactly(batch: pa.RecordBatch, only: Only | None) -> pa.RecordBatch:
    """Without what only SQL Server takes for the same name: other cases and blanks at the end."""
    if only is None:
        return batch
    kept = pc.equal(batch.column(0), only.device)
    return batch.filter(kept if only.signal is None else pc.and_(kept, pc.equal(batch.column(2), only.signal)))


def _cause(error: BaseException) -> tuple[int, str]:
    """(number, first sentence) of (18456, b"Login failed ...DB-Lib error message 20018, severity 14: ...")."""
    told = error.args[0] if len(error.args) == 1 else error.args
    number, text = told if isinstance(told, tuple) and len(told) == 2 else (0, told)
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    sentence, _, own = plain.partition("DB-Lib error message ")
    if not sentence.strip() and own:  # the number is then one that was told before
        number, sentence = own.partition(",")[0], own.partition(":\n")[2]
    return int(number), ((sentence or plain).strip().splitlines() or ["no cause given"])[0].rstrip(".")[:300]
