"""The Spark session: the running one on Databricks and under spark-submit, one of $SPARK_REMOTE, else a local one with Delta."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ad_stream.errors import SetupError
from ad_stream.pipeline.operation import connect
from ad_stream.runtime.children import Guard
from ad_stream.sources import registry

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
JAVA_OPTIONS = "spark.driver.extraJavaOptions"
LOGGING = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties').as_uri()}"
"""A JVM option: Spark's own warnings say nothing that a person of ours could do, and stand between what we say."""
WAREHOUSE = Path(tempfile.gettempdir()) / f"ad_stream-warehouse-{getattr(os, 'getuid', int)()}"
"""Where Spark would put tables that have no folder; ours have one, so that by default an empty folder is left behind."""
LOCAL = {
    JAVA_OPTIONS: LOGGING,
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "2g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # The default of 200 (and of Delta's 50) is for clusters; a minute of a fleet is small.
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    # One trigger runs about 80 pieces of generated code; the default of 100 would compile most of them anew each time.
    "spark.sql.codegen.cache.maxEntries": "1000",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.databricks.delta.stats.collect": "true",
    # Nobody looks at what the page of a local session would show; a stream runs hundreds of jobs an hour.
    "spark.ui.retainedJobs": "50",
    "spark.ui.retainedStages": "50",
    "spark.ui.retainedTasks": "1000",
    "spark.sql.ui.retainedExecutions": "20",
    "spark.sql.streaming.stateStore.maintenanceInterval": "60s",
    "spark.sql.streaming.minBatchesToRetain": "10",
    # Each task scores on one core; a thread pool per worker would fight for the same cores.
    "spark.executorEnv.OMP_NUM_THREADS": "1",
    "spark.python.worker.reuse": "true",
    # Spark's own covers secret, password, token and access key; these are the names under which sources hand theirs over.
    "spark.redaction.regex": "(?i)secret|password|token|access[.]?key|account[.]key|connection[.]?string|jaas|credential|signature",
}

_guards: dict[int, Guard] = {}
"""JVM -> its guard; a guard that nobody holds would take this process for gone."""


def session(kind: str = "files", settings: Mapping[str, object] | None = None) -> SparkSession:
    """A session for a source of this kind; `settings` are Spark settings that win over ours."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SetupError("pyspark is not installed: pip install 'ad-stream[local]'") from None
    spark = SparkSession.getActiveSession() or _started(kind, settings or {})
    # Minutes are UTC everywhere; a session in another zone would read texts without a zone differently.
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    return spark


def _started(kind: str, settings: Mapping[str, object]) -> SparkSession:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("ad-stream")
    if not _on_a_cluster():
        from ad_stream.runtime import jars, java

        os.environ["JAVA_HOME"] = str(java.java_home())
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.master(os.environ.get("AD_STREAM_MASTER", "local[*]"))
        paths = jars.jars(*registry.kind_of(kind).jars)
        ours: dict[str, str] = {**LOCAL, "spark.jars": ",".join(str(path) for path in paths)}
        for key, ours_is in ours.items():
            builder = builder.config(key, ours_is)
        # A folder of that name may hold tables of an earlier version.
        if not Path("spark-warehouse").exists():
            builder = builder.config("spark.sql.warehouse.dir", WAREHOUSE.as_uri())
    # spark-submit brings the jars, but nobody tells it to load Delta from them; Databricks has it built in, and what a
    # Connect server has loaded was decided at its start.
    delta = {} if {"DATABRICKS_RUNTIME_VERSION", connect.REMOTE} & os.environ.keys() else DELTA
    for key, value in {**delta, **_with_logging(settings)}.items():
        builder = builder.config(key, str(value))
    connect.check(os.environ)
    spark = builder.getOrCreate()
    if not _on_a_cluster():
        _end_with_us(spark)
        spark.sparkContext.setLogLevel(os.environ.get("AD_STREAM_LOG", "FATAL"))
    return spark


def _with_logging(settings: Mapping[str, object]) -> dict[str, object]:
    """Java options of a person stand beside ours, unless they say how to log."""
    options = str(settings.get(JAVA_OPTIONS, ""))
    if not options or "log4j" in options or _on_a_cluster():
        return dict(settings)
    return {**settings, JAVA_OPTIONS: f"{options} {LOGGING}"}


def _end_with_us(spark: SparkSession) -> None:
    """The JVM sees that its driver is gone and ends, unless a running query keeps it; then its guard does it."""
    process = getattr(spark.sparkContext._gateway, "proc", None)
    if process is not None and process.pid not in _guards:
        _guards[process.pid] = Guard(process.pid)


def _on_a_cluster() -> bool:
    """True on Databricks, under spark-submit and over Connect, where session, jars and memory are somebody else's."""
    return (
        "DATABRICKS_RUNTIME_VERSION" in os.environ
        or connect.REMOTE in os.environ
        or ("SPARK_ENV_LOADED" in os.environ and "PYSPARK_GATEWAY_PORT" in os.environ)
    )
