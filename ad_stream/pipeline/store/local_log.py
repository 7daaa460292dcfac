"""The log of a Delta table in a folder of this machine, read without Spark, which needs a job and a plan for each look."""

from __future__ import annotations

import json
from pathlib import Path

MOST_COMMITS = 200
"""Looked through for the columns; in a longer log Spark, which has a snapshot of it, is faster."""


def commits(log: Path) -> list[int]:
    """The versions that a log has, in order."""
    return sorted(int(one.stem) for one in log.glob("*.json") if one.stem.isdigit())


def began_empty(log: Path) -> bool:
    """Whether its first commit is there and adds no rows."""
    first = _commit(log, 0)
    return first.is_file() and '"add":' not in first.read_text(encoding="utf-8")


def schema(log: Path) -> str | None:
    """The newest columns as Spark's JSON of a struct; None where the log alone does not tell."""
    known = commits(log)
    if len(known) > MOST_COMMITS:
        return None
    for version in reversed(known):
        for line in _commit(log, version).read_text(encoding="utf-8").splitlines():
            if '"metaData"' in line and "metaData" in (action := json.loads(line)):
                return str(action["metaData"]["schemaString"])
    return None


def _commit(log: Path, version: int) -> Path:
    return log / f"{version:020}.json"
