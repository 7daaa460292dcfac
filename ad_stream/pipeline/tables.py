"""The tables: what each column holds, how they are made, and the one way to write to them.

Folders below a path, or names in a schema: the same code, told apart in `name`, `read`, `overwrite` and `_save` alone.
Every append names its batch: `txnAppId = <query_id>:<table>`, `txnVersion = <batch_id>`. Delta skips a second append
under the same pair, so a batch that is repeated after a crash leaves each table as one run of it would.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.errors import InputError
from ad_stream.pipeline import names, views
from ad_stream.secrets import redact
from ad_stream.series import columns as series_config

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession
    from pyspark.sql.types import StructType

    from ad_stream import config

log = logging.getLogger(__name__)

BATCH = """
    query_id string COMMENT 'the query that wrote the row; a new checkpoint gives a new one',
    batch_id long COMMENT 'number of the batch within its query'"""
SERIES = """
    device_id string COMMENT 'device of the reading',
    signal string COMMENT 'member of the body',"""

COLUMNS = {
    "minutes": f"""{SERIES}
    minute timestamp COMMENT 'start of the minute, UTC',
    revision int COMMENT '0 = the stream, higher = backfill',
    value double COMMENT 'the configured aggregate of the minute, what is judged',
    n long COMMENT 'readings in the minute',
    min double, max double, mean double,{BATCH}""",
    "detections": f"""{SERIES}
    minute timestamp COMMENT 'start of the judged minute, UTC',
    revision int COMMENT '0 = the only verdict of the stream, higher = backfill',
    value double COMMENT 'the judged value',
    expected double COMMENT 'what the detector expected; the band is expected - lower_margin to expected + upper_margin',
    upper_margin double, lower_margin double,
    score double COMMENT 'score of the detector, higher is more anomalous',
    sr_score double COMMENT 'spectral residual score of the window',
    severity double COMMENT '0 to 1',
    is_anomaly boolean, is_positive boolean COMMENT 'above the band', is_negative boolean COMMENT 'below the band',
    continuing boolean COMMENT 'a flag soon after an earlier one of the series: the same event',
    status string COMMENT 'scored, warming_up or declined',
    reason string COMMENT 'why, a key of ad_stream.model.REASONS',
    detector string COMMENT 'who judged',
    points long COMMENT 'values the verdict rests on',
    imputed long COMMENT 'how many of them were filled in',
    config_version string COMMENT 'changes when a setting changes that a verdict rests on',{BATCH}""",
    "late": f"""{SERIES}
    event_time timestamp COMMENT 'when the device measured', source string, partition string, sequence long,
    value double, enqueued_time timestamp COMMENT 'when the hub took the event',{BATCH}""",
    "quarantine": f"""
    source string, partition string, sequence long,
    element long COMMENT 'index in an array body',
    reason string COMMENT 'why it is no reading',
    body binary COMMENT 'the beginning of the body',
    body_bytes long COMMENT 'full length of the body', device_id string, enqueued_time timestamp,{BATCH}""",
    "batches": f"""{BATCH.strip()},
    minutes_closed long, scored long, anomalies long, warming_up long, declined long, quarantined long, late long,
    fallback_calls long, fallback_failed long, pushed long, push_failed long, duration_ms long,
    cpu_seconds double COMMENT 'of the whole process tree; null on a cluster',
    scoring_seconds double COMMENT 'process time inside the scoring function, summed over its tasks'""",
    "progress": f"""{BATCH.strip()},
    events long COMMENT 'events read', non_telemetry long COMMENT 'twin and life-cycle events among them',
    duplicates long, watermark timestamp COMMENT 'minutes that began before it are closed',
    dropped_by_watermark long, source_lost long COMMENT 'events that had aged out at the source',
    lag long COMMENT 'events that waited at the source, null where it does not tell',
    offsets string COMMENT 'JSON', durations string COMMENT 'JSON, milliseconds per phase'""",
    "deliveries": f"""
    sink string COMMENT 'name of the push target', {BATCH.strip()},
    attempt int COMMENT 'counts the records of a batch at a sink; the last one tells whether rows wait', rows long,
    state string COMMENT 'a key of ad_stream.push.base.STATES', error string COMMENT 'redacted', at timestamp,
    sent long COMMENT 'rows that the hour of the target was charged with, failed tries included',
    minute timestamp COMMENT 'with device_id and signal: the last row meant, in this order',
    device_id string, signal string""",
    "set_aside": f"""
    step string COMMENT 'the table whose rows of this batch could not be written', rows long,
    first timestamp COMMENT 'the first minute of the batch', last timestamp COMMENT 'the last one',
    offsets string COMMENT 'JSON, where the batch ends at its source',
    error string COMMENT 'why, redacted', at timestamp,{BATCH}""",
    "history": """
    hour timestamp COMMENT 'partition', bucket int COMMENT 'hash of the series modulo the number of buckets',
    minute timestamp, ids array<long> COMMENT 'xxhash64(device_id, signal), ascending',
    values array<double> COMMENT 'value of each series in this minute'""",
    "owner": """
    run string, host string, pid long, checkpoint string, since timestamp, alive timestamp""",
    series_config.TABLE: series_config.ddl(),
}
"""DDL of every table; the order is that of the design. `history` and `owner` serve the stream alone; people write
`series_config`, the stream reads it."""

ABOUT = {
    "minutes": "One row per device, signal and minute: what is judged",
    "detections": "One verdict per device, signal and minute, with the band and the reason; the highest revision counts",
    "late": "Readings whose minute was closed when they came; backfill folds them in",
    "quarantine": "Messages and array elements that are no readings, each under its reason",
    "batches": "What each batch did",
    "progress": "What only the progress of a batch knows: events, watermark, lag",
    "deliveries": "Attempts to push, and how they ended",
    "set_aside": "What a batch could never write for its data, and where it is to be found",
    "history": "The last minutes of every series, packed; a cache of the stream, do not build on it",
    "owner": "The running query that owns these tables",
    series_config.TABLE: "Settings of single devices and signals, written by people; for each the latest row that fits wins",
}
"""Comment of each table."""

CLUSTERED = {"minutes": "device_id, minute", "detections": "device_id, minute", "late": "device_id, event_time"}
"""Liquid clustering of the tables that grow, by what a person looks for: a device over some time."""

SHORT_LIVED = {"history": "hour", "owner": None}
FEW_ROWS = 300_000
"""Up to this many rows an append writes one file."""


@dataclass(frozen=True)
class Tables:
    """The table set of a run: folders below a path, or names in a schema."""

    spark: SparkSession
    settings: config.Tables
    known: dict[str, StructType] = field(default_factory=dict, repr=False)
    notes: Mapping[str, str] = field(default_factory=dict)
    """Table -> what the commits of its next appends say of themselves (`userMetadata` in its history)."""

    def __getstate__(self) -> dict[str, Any]:
        # A session stays in its process; where the tables arrive, each batch brings its own.
        return {**self.__dict__, "spark": None}

    def name(self, table: str) -> str:
        """How SQL names the table."""
        return names.name(self.settings, table)

    def location(self, table: str) -> str:
        """Folder of the table; only with `tables.path`."""
        return names.location(self.settings, table)

    def create(self) -> None:
        """Make what is missing; a table with other columns is refused before the stream starts."""
        if self.settings.path is None:
            self._schema_exists()
        for table in COLUMNS:
            self._make(table)
            self._check(table)
        if self.settings.path is None:
            self._make_views()

    def read(self, table: str) -> DataFrame:
        """The whole table."""
        return (
            self.spark.read.format("delta").load(self.location(table))
            if self.settings.path
            else self.spark.table(self.name(table))
        )

    def version(self, table: str) -> int:
        """The newest version of a table."""
        log = Path(self.location(table), "_delta_log") if self.settings.path else None
        if log is not None and log.is_dir():  # no job, no plan: this is asked in every batch
            return max(int(one.stem) for one in log.glob("*.json") if one.stem.isdigit())
        return int(self.history(table, 1)[0]["version"])

    def history(self, table: str, most: int) -> list[Row]:
        """The last commits, the newest first."""
        return self.spark.sql(f"DESCRIBE HISTORY {self.name(table)} LIMIT {most}").collect()

    def read_at(self, table: str, version: int) -> DataFrame:
        """The whole table as it was at a version."""
        return self.spark.sql(f"SELECT * FROM {self.name(table)} VERSION AS OF {version}")

    def append(
        self, table: str, rows: DataFrame, *, query_id: str, batch_id: int, count: int, part: str = ""
    ) -> None:  # fmt: skip
        """Append the rows of one batch, once however often it is repeated; `count` (about) decides the number of files.

        part: names one of several appends of the same batch.
        """
        named = rows.withColumns({"query_id": F.lit(query_id), "batch_id": F.lit(batch_id).cast("long")})
        chosen = named.select(*self._columns(table)).coalesce(max(1, -(-count // FEW_ROWS)))
        options = {"mergeSchema": "false", **self.once(f"{table}:{part}" if part else table, query_id, batch_id)}
        options |= {"userMetadata": self.notes[table]} if table in self.notes else {}
        self._save(table, chosen, options)

    def append_unnamed(self, table: str, rows: DataFrame) -> None:
        """Append rows that belong to no batch of their own, or were written after it; a repeated append doubles them."""
        self._save(table, rows.select(*self._columns(table)).coalesce(1), {"mergeSchema": "false"})

    def overwrite(self, table: str, rows: DataFrame) -> None:
        """Put these rows in the place of all; columns, comments, partitions and properties of the table stay."""
        chosen = rows.select(*self._columns(table)).coalesce(1)
        if self.settings.path:
            chosen.write.format("delta").mode("overwrite").option("mergeSchema", "false").save(self.location(table))
        else:
            chosen.writeTo(self.name(table)).overwrite(F.lit(True))

    def once(self, table: str, query_id: str, batch_id: int) -> dict[str, str]:
        """The options by which Delta knows a repeated append."""
        return {"txnAppId": f"{query_id}:{table}", "txnVersion": str(batch_id)}

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

    def _make(self, table: str) -> None:
        """With clustering where the runtime takes it: no version tells, so it is asked, and its answer counts."""
        if table in CLUSTERED:
            try:
                self.spark.sql(self._ddl(table, f" CLUSTER BY ({CLUSTERED[table]})"))
                return
            except Exception:  # refused by the parser, by Delta or by the runtime, each with a class of its own
                log.debug("no clustering for %s", table, exc_info=True)
        problem = ""
        try:
            self.spark.sql(
                self._ddl(table, f" PARTITIONED BY ({SHORT_LIVED[table]})" if SHORT_LIVED.get(table) else "")
            )
            return
        except Exception as error:  # what a catalog refuses fills pages of Java
            problem = redact(str(error).strip().splitlines()[0])[:300]
        raise InputError(
            f"the table {self.name(table)} could not be made ({problem}): check that place, and on Databricks the right "
            f"CREATE TABLE on its schema (docs/databricks.md)"
        )

    def _make_views(self) -> None:
        for statement in views.statements(self.settings, replace=False):
            try:
                self.spark.sql(statement)
            except Exception as error:  # a stream runs without its views
                log.warning("the view could not be made: %s (%s)", statement.splitlines()[0], type(error).__name__)

    def _ddl(self, table: str, laid_out: str) -> str:
        keep = ", 'delta.logRetentionDuration'='interval 1 day', 'delta.deletedFileRetentionDuration'='interval 1 hour'"
        properties = "'delta.appendOnly'='false'" + (keep if table in SHORT_LIVED else "")
        about = f" COMMENT '{ABOUT[table]}'" if table in ABOUT else ""
        if table == series_config.TABLE:
            properties = ", ".join(f"'{key}'='{value}'" for key, value in series_config.KEEP.items())
        return (
            f"CREATE TABLE IF NOT EXISTS {self.name(table)} ({COLUMNS[table]}) USING DELTA{laid_out}{about} "
            f"TBLPROPERTIES ({properties})"
        )

    def _columns(self, table: str) -> list[str]:
        if table not in self.known:
            self.known[table] = self.spark.createDataFrame([], COLUMNS[table]).schema
        return list(self.known[table].names)

    def _check(self, table: str) -> None:
        found = {field.name: field.dataType.simpleString() for field in self.read(table).schema.fields}
        wanted = {name: self.known[table][name].dataType.simpleString() for name in self._columns(table)}
        for name, kind in wanted.items():
            if found.get(name) != kind:
                have = f"is {found[name]}" if name in found else "is missing"
                raise InputError(
                    f"the table {self.name(table)} is not ours: column {name!r} {have}, {kind} is needed; name another place in `tables`"
                )
