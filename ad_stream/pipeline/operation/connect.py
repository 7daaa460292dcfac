"""What is different over Spark Connect: the batches run in a process of the server, which the caller cannot look into.

Such a session is `SPARK_REMOTE=sc://host:port`, and what standard and serverless compute of Databricks gives. The
package has to be installed where the server runs, and secrets have to be references that resolve there.
"""

from __future__ import annotations

import importlib.util
import pickle
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pyspark.sql import functions as F

from ad_stream.errors import AdStreamError, ConfigError, SetupError
from ad_stream.pipeline.batch_state import BatchReport
from ad_stream.tables.catalog import BATCHES
from ad_stream.tables.schema import COUNT
from ad_stream.times import from_seconds

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from ad_stream.pipeline.store.delta import DeltaTables

REMOTE = "SPARK_REMOTE"
PORT = 15002
LOOK_SECONDS = 10


def is_remote(spark: SparkSession) -> bool:
    """Whether the session is one of Spark Connect."""
    return type(spark).__module__.startswith("pyspark.sql.connect")


def check(environ: Mapping[str, str]) -> None:
    """SetupError where $SPARK_REMOTE is set and its server cannot be asked; Spark itself would try for minutes."""
    remote = environ.get(REMOTE)
    if remote is None or "DATABRICKS_RUNTIME_VERSION" in environ:
        return
    server = urlsplit(remote)
    if server.scheme != "sc" or not server.hostname:
        raise SetupError(f"{REMOTE} is {remote.split(';')[0]!r}: write sc://host:port")
    try:
        socket.create_connection((server.hostname, server.port or PORT), LOOK_SECONDS).close()
    except OSError:
        raise SetupError(
            f"no Spark Connect server answers at {server.hostname}:{server.port or PORT}: start it, or correct {REMOTE}"
        ) from None
    if importlib.util.find_spec("grpc") is None or importlib.util.find_spec("grpc_status") is None:
        raise SetupError(
            f"{REMOTE} is set and the packages of Spark Connect are missing: pip install 'pyspark[connect]'"
        )


def check_travels(batches: object) -> None:
    """ConfigError where the batches cannot be sent to the server: Spark would name another cause."""
    try:
        pickle.dumps(batches)
    except AdStreamError:
        raise
    except Exception as error:
        raise ConfigError(
            f"the configuration cannot be sent to the Spark Connect server ({error}): look at its own objects"
        ) from None


@dataclass
class RemoteLedger:
    """Tells after the fact what each batch did: the table `batches` and the rows that the batch wrote say it."""

    tables: DeltaTables
    report: Callable[[BatchReport], None]

    def __call__(self, finished: Sequence[Mapping[str, Any]]) -> None:
        """finished: rows of the table `progress`."""
        if not finished:
            return
        query_id, batch_ids = finished[0]["query_id"], [one["batch_id"] for one in finished]
        rows = {table: self._written(table, query_id, batch_ids) for table in ("batches", "detections", "quarantine")}
        minute = F.unix_seconds("minute")
        spans = {
            row["batch_id"]: (from_seconds(row["first"]), from_seconds(row["last"]))
            for row in rows["detections"]
            .groupBy("batch_id")
            .agg(F.min(minute).alias("first"), F.max(minute).alias("last"))
            .collect()
        }
        reasons: dict[int, dict[str, int]] = {}
        for row in rows["quarantine"].groupBy("batch_id", "reason").count().collect():
            reasons.setdefault(row["batch_id"], {})[row["reason"]] = row["count"]
        for row in rows["batches"].orderBy("batch_id").collect():
            first, last = spans.get(row["batch_id"], (None, None))
            self.report(_report(row.asDict(), first, last, reasons.get(row["batch_id"], {})))

    def _written(self, table: str, query_id: str, batch_ids: Sequence[int]) -> DataFrame:
        return self.tables.read(table).where((F.col("query_id") == query_id) & F.col("batch_id").isin(*batch_ids))


def _report(row: dict[str, Any], first: datetime | None, last: datetime | None, reasons: dict[str, int]) -> BatchReport:
    counts = Counter({name: row[name] or 0 for name in BATCHES.named(COUNT)})
    return BatchReport(
        row["batch_id"], first, last, reasons, counts, row["duration_ms"], row["cpu_seconds"], row["scoring_seconds"] or 0.0
    )  # fmt: skip
