"""The tables as Delta: how they are made, and the one way to write to them. What they hold: `ad_stream.tables.catalog`.

Folders below a path, or names in a schema: the same code, told apart in `name`, `read`, `overwrite` and `_save` alone.
An append is one commit, all of its rows or none, and its rows name their batch. So a batch that is repeated after a crash
leaves each table as one run of it would: what an earlier attempt appended is not appended again (`Earlier`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from ad_stream.errors import InputError
from ad_stream.grid import MINUTE, PROPERTY, Grid
from ad_stream.pipeline.store import local_log, upgrade
from ad_stream.secrets import first_line
from ad_stream.tables import creation, names, views
from ad_stream.tables.catalog import MINUTES, SET_ASIDE, TABLES
from ad_stream.tables.incidents import INCIDENT_EVENTS, INCIDENT_STATE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

    from ad_stream import config

log = logging.getLogger(__name__)

IN_PARTS = frozenset({INCIDENT_EVENTS.name, INCIDENT_STATE.name, SET_ASIDE.name})
"""Of these a batch may make several appends, which their rows do not tell apart."""
FEW_ROWS = 300_000
"""Up to this many rows an append writes one file."""


class Earlier(Enum):
    """How an append learns of an earlier one of the same batch into the same table.

    LOG   appends carry `txnAppId = <query_id>:<table>` and `txnVersion = <batch_id>`, and Delta skips the second; to find
          the first it reads the whole state of the table anew, two jobs and two thirds of what an append costs
    ROWS  the same, and a look for rows that name the batch, as attempts of the kind NONE leave no more behind
    NONE  there was none: this process has run an earlier batch of the query, so that this one is not repeated
    """

    LOG = "log"
    ROWS = "rows"
    NONE = "none"


@dataclass(frozen=True)
class DeltaTables:
    """The table set of a run: folders below a path, or names in a schema."""

    spark: SparkSession
    settings: config.Tables
    notes: Mapping[str, str] = field(default_factory=dict)
    """Table -> what the commits of its next appends say of themselves (`userMetadata` in its history)."""
    grid: Grid = MINUTE
    """The windows that are written; a table set holds those of one length only."""
    earlier: Earlier = Earlier.LOG
    """Of the batch whose appends are made."""

    def __getstate__(self) -> dict[str, Any]:
        # A session stays in its process; where the tables arrive, each batch brings its own.
        return {**self.__dict__, "spark": None}

    def name(self, table: str) -> str:
        """How SQL names the table."""
        return names.name(self.settings, table)

    def place(self) -> str:
        """The table set, for people."""
        return names.place(self.settings)

    def location(self, table: str) -> str:
        """Folder of the table; only with `tables.path`."""
        return names.location(self.settings, table)

    def create(self) -> dict[str, str]:
        """Make what is missing and upgrade what an earlier version made -> the properties of `minutes` before that upgrade.

        InputError where a table is not ours, or holds windows of another length.
        """
        if self.settings.path is None:
            self._schema_exists()
        missing = [table for table in TABLES if not self._commits(table)]
        begins = bool(missing) and local_log.may_begin(self.spark)
        for table in missing:
            if not (begins and self._began(table)):
                self._make(table)
        properties = self.properties(MINUTES.name)
        names.check_grid(self.grid, properties.get(PROPERTY), self.place())
        upgraded = upgrade.upgrade(self, properties)
        if self.settings.path is None:
            self._make_views(replace=upgraded)
        return properties

    def read(self, table: str) -> DataFrame:
        """The whole table. Where nothing was written yet none is asked: Delta takes a second to find nothing."""
        return self._nothing(table) if self.is_new(table) else self.stored(table)

    def is_new(self, table: str) -> bool:
        """Whether nothing was ever written to it; False where only a query would tell."""
        return self._commits(table) == [0] and self._began_empty(table)

    def stored(self, table: str) -> DataFrame:
        """The whole table with the columns that it really has."""
        return (
            self.spark.read.format("delta").load(self.location(table))
            if self.settings.path
            else self.spark.table(self.name(table))
        )

    def columns(self, table: str) -> dict[str, str]:
        """The columns that it really has: name -> type as Spark writes it."""
        logged = self._logged(table)
        known = None if logged is None else StructType.fromJson(json.loads(logged["schemaString"]))
        fields = self.stored(table).schema if known is None else known
        return {field.name: field.dataType.simpleString() for field in fields}

    def properties(self, table: str) -> dict[str, str]:
        """The table's properties."""
        logged = self._logged(table)
        if logged is not None:
            return dict(logged["configuration"])
        # DESCRIBE DETAIL would count the files of the table for it.
        return {row["key"]: row["value"] for row in self.spark.sql(f"SHOW TBLPROPERTIES {self.name(table)}").collect()}

    def set_property(self, table: str, key: str, value: str) -> None:
        """Add or change one property."""
        self.spark.sql(f"ALTER TABLE {self.name(table)} SET TBLPROPERTIES ('{key}'='{value}')")

    def version(self, table: str) -> int:
        """The newest version of a table."""
        known = self._commits(table)
        return known[-1] if known else int(self.history(table, 1)[0]["version"])

    def history(self, table: str, most: int) -> list[Row]:
        """The last commits, the newest first."""
        return self.spark.sql(f"DESCRIBE HISTORY {self.name(table)} LIMIT {most}").collect()

    def read_at(self, table: str, version: int) -> DataFrame:
        """The whole table as it was at a version."""
        if version == 0 and self._began_empty(table):
            return self._nothing(table)
        return self.spark.sql(f"SELECT * FROM {self.name(table)} VERSION AS OF {version}")

    def append(
        self, table: str, rows: DataFrame, *, query_id: str, batch_id: int, count: int, part: str = ""
    ) -> None:  # fmt: skip
        """Append the rows of one batch, once however often it is repeated; `count` (about) decides the number of files.

        part: names one of several appends of the same batch into a table `IN_PARTS`.
        """
        earlier = Earlier.LOG if table in IN_PARTS else self.earlier
        if earlier is Earlier.ROWS and self._holds(table, query_id, batch_id):
            return
        rows = rows.withColumns({"query_id": F.lit(query_id), "batch_id": F.lit(batch_id).cast("long")})
        chosen = rows.select(*TABLES[table].names).coalesce(max(1, -(-count // FEW_ROWS)))
        options = {"mergeSchema": "false"}
        if earlier is not Earlier.NONE:
            options |= self.once(f"{table}:{part}" if part else table, query_id, batch_id)
        options |= {"userMetadata": self.notes[table]} if table in self.notes else {}
        self._save(table, chosen, options)

    def append_unnamed(self, table: str, rows: DataFrame) -> None:
        """Append rows that belong to no batch of their own, or were written after it; a repeated append doubles them."""
        self._save(table, rows.select(*TABLES[table].names).coalesce(1), {"mergeSchema": "false"})

    def overwrite(self, table: str, rows: DataFrame, *, where: str = "true") -> None:
        """Put these rows in the place of all, or of those that a condition on the partition names; columns, comments, partitions
        and properties of the table stay."""
        chosen = rows.select(*TABLES[table].names).coalesce(1)
        if self.settings.path:
            writer = chosen.write.format("delta").mode("overwrite").option("mergeSchema", "false")
            writer.option("replaceWhere", where).save(self.location(table))
        else:
            chosen.writeTo(self.name(table)).overwrite(F.expr(where))

    def once(self, table: str, query_id: str, batch_id: int) -> dict[str, str]:
        """The options by which Delta knows a repeated append."""
        return {"txnAppId": f"{query_id}:{table}", "txnVersion": str(batch_id)}

    def _holds(self, table: str, query_id: str, batch_id: int) -> bool:
        """Whether the table has rows of this batch; those of `history` name none, and may be there twice."""
        if "batch_id" not in TABLES[table].names:
            return False
        of_batch = (F.col("query_id") == query_id) & (F.col("batch_id") == batch_id)
        return not self.is_new(table) and not self.stored(table).where(of_batch).limit(1).isEmpty()

    def _log(self, table: str) -> Path | None:
        """The folder of its log where that is a folder of this machine."""
        place = self.settings.path
        return Path(self.location(table), "_delta_log") if place and not names.is_address(place) else None

    def _logged(self, table: str) -> dict[str, Any] | None:
        """Its description where the log is one of this machine and tells."""
        log = self._log(table)
        return None if log is None else local_log.metadata(log)

    def _commits(self, table: str) -> list[int]:
        """The versions that its log has, in order; none where only Spark can look."""
        log = self._log(table)
        return [] if log is None else local_log.commits(log)

    def _began_empty(self, table: str) -> bool:
        log = self._log(table)
        return log is not None and local_log.began_empty(log)

    def _nothing(self, table: str) -> DataFrame:
        columns = ", ".join(f"CAST(NULL AS {column.type}) AS {column.name}" for column in TABLES[table].columns)
        return self.spark.sql(f"SELECT {columns} WHERE false")  # a plan without a job, which createDataFrame is not

    def _save(self, table: str, rows: DataFrame, options: dict[str, str]) -> None:
        writer = rows.write.format("delta").mode("append").options(**options)
        writer.save(self.location(table)) if self.settings.path else writer.saveAsTable(self.name(table))

    def _schema_exists(self) -> None:
        catalog, schema = self.settings.catalog, self.settings.schema_
        try:
            found = self.spark.catalog.databaseExists(f"`{catalog}`.`{schema}`")
        except Exception:  # a catalog that is not there has another error class on every runtime
            found = False
        if not found:
            raise InputError(
                f"there is no schema {catalog}.{schema} that this run may use: CREATE SCHEMA {catalog}.{schema}, or ask "
                f"for USE CATALOG and USE SCHEMA (docs/databricks.md)"
            )

    def _began(self, table: str) -> bool:
        """Whether its first commit could be written without a statement."""
        log = self._log(table)
        return log is not None and creation.make(TABLES[table], log.parent, self._own(table))

    def _make(self, table: str) -> None:
        """With clustering where the runtime takes it: no version tells, so it is asked, and its answer counts."""
        schema = TABLES[table]
        if schema.clustered:
            try:
                self.spark.sql(self._ddl(table, f" CLUSTER BY ({', '.join(schema.clustered)})"))
                return
            except Exception:  # refused by the parser, by Delta or by the runtime, each with a class of its own
                log.debug("no clustering for %s", table, exc_info=True)
        problem = ""
        try:
            self.spark.sql(self._ddl(table, f" PARTITIONED BY ({schema.partitioned})" if schema.partitioned else ""))
            return
        except Exception as error:  # what a catalog refuses fills pages of Java
            problem = first_line(error)
        raise InputError(
            f"the table {self.name(table)} could not be made ({problem}): check that place, and on Databricks the right "
            f"CREATE TABLE on its schema (docs/databricks.md)"
        )

    def _own(self, table: str) -> dict[str, str]:
        """The properties that only this table has."""
        return {PROPERTY: str(self.grid.seconds)} if table == MINUTES.name else {}

    def _make_views(self, *, replace: bool) -> None:
        for statement in views.statements(self.settings, replace=replace, grid=self.grid):
            try:
                self.spark.sql(statement)
            except Exception as error:  # a stream runs without its views
                log.warning("the view could not be made: %s (%s)", statement.splitlines()[0], type(error).__name__)

    def _ddl(self, table: str, laid_out: str) -> str:
        schema = TABLES[table]
        own = schema.all_properties() | self._own(table)
        properties = ", ".join(f"'{key}'='{value}'" for key, value in own.items())
        return (
            f"CREATE TABLE IF NOT EXISTS {self.name(table)} ({schema.ddl()}) USING DELTA{laid_out} "
            f"COMMENT '{schema.about}' TBLPROPERTIES ({properties})"
        )
