"""The log of a Delta table in a folder of this machine, read without Spark, which needs a job and a plan for each look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DEFAULTS = "spark.databricks.delta.properties.defaults."
"""Settings of a session that begin so are properties of the tables that it makes."""
MOST_COMMITS = 200
"""Looked through for columns and properties; in a longer log Spark, which has a snapshot of it, is faster."""


def commits(log: Path) -> list[int]:
    """The versions that a log has, in order."""
    return sorted(int(one.stem) for one in log.glob("*.json") if one.stem.isdigit())


def began_empty(log: Path) -> bool:
    """Whether its first commit is there and adds no rows."""
    first = _commit(log, 0)
    return first.is_file() and '"add":' not in first.read_text(encoding="utf-8")


def metadata(log: Path) -> dict[str, Any] | None:
    """The newest description of the table, as the log writes it; None where the log alone does not tell."""
    known = commits(log)
    if len(known) > MOST_COMMITS:
        return None
    for version in reversed(known):
        for line in _commit(log, version).read_text(encoding="utf-8").splitlines():
            if '"metaData"' in line and "metaData" in (action := json.loads(line)):
                found: dict[str, Any] = action["metaData"]
                return found
    return None


def may_begin(spark: SparkSession) -> bool:
    """Whether a folder is one of this machine to the session, and it would make tables as anybody does."""
    try:
        files = str(spark._jsc.hadoopConfiguration().get("fs.defaultFS"))
        settings = str(spark._jsparkSession.conf().getAll().keys().mkString("\n"))
    except Exception:  # over Connect, and on clusters that are shared, nobody is let at these
        return False
    return files.startswith("file:") and DEFAULTS not in settings


def _commit(log: Path, version: int) -> Path:
    return log / f"{version:020}.json"
