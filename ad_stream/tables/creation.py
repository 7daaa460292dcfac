"""A table in a folder of this machine, made by writing its first commit: what CREATE TABLE would leave there, without Spark.

The commit is that of Delta's protocol (delta-io/delta: the actions metaData, protocol, and domainMetadata for clustering).
A session takes half a second for each table, 35 CPU seconds for all of them where it has just started.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ad_stream.tables.schema import VERSION, Table

NAMES = {"int": "integer"}
"""Types that the log names otherwise than SQL does."""


def make(table: Table, folder: Path, more: Mapping[str, str] | None = None) -> bool:
    """Make the table; False, with nothing done, where the folder holds something or cannot be written.

    more: properties beside those that the table always has.
    """
    log = folder / "_delta_log"
    if not _free(folder, log):
        return False
    whole = log / f".{uuid.uuid4().hex}.tmp"
    try:
        log.mkdir(parents=True, exist_ok=True)
        whole.write_text(first_commit(table, {**table.all_properties(), **(more or {})}), encoding="utf-8")
        os.link(whole, log / f"{0:020}.json")  # whole or not at all, and never over that of another process
    except FileExistsError:
        return True
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            whole.unlink()
    return True


def _free(folder: Path, log: Path) -> bool:
    """Whether nothing lies there but what a process left behind that died here."""
    if not folder.is_dir():
        return not folder.exists()
    return {one.name for one in folder.iterdir()} <= {log.name} and not (log.is_dir() and any(log.glob("[!.]*")))


def first_commit(table: Table, properties: Mapping[str, str]) -> str:
    """The lines of the commit."""
    now = round(time.time() * 1000)
    clustering = {"clusteringColumns": [[name] for name in table.clustered], "domainName": "delta.clustering"}
    actions: list[dict[str, Any]] = [
        {"commitInfo": _info(table, properties, now)},
        {"metaData": {
            "id": str(uuid.uuid4()), "description": table.about, "format": {"provider": "parquet", "options": {}},
            "schemaString": _compact({"type": "struct", "fields": _fields(table)}),
            "partitionColumns": _partitions(table), "configuration": dict(properties), "createdTime": now,
        }},
        {"protocol": _protocol(table)},
    ]  # fmt: skip
    if table.clustered:
        domain = {"domain": "delta.clustering", "configuration": _compact(clustering), "removed": False}
        actions.append({"domainMetadata": domain})
    return "".join(f"{_compact(action)}\n" for action in actions)


def _info(table: Table, properties: Mapping[str, str], now: int) -> dict[str, Any]:
    parameters = {
        "partitionBy": _compact(_partitions(table)), "clusterBy": _compact(list(table.clustered)),
        "description": table.about, "isManaged": "false", "properties": _compact(dict(properties)),
    }  # fmt: skip
    return {
        "timestamp": now, "operation": "CREATE TABLE", "operationParameters": parameters, "isolationLevel": "Serializable",
        "isBlindAppend": True, "operationMetrics": {}, "engineInfo": f"ad_stream schema {VERSION}",
    }  # fmt: skip


def _protocol(table: Table) -> dict[str, Any]:
    """The least that a reader and a writer have to know."""
    if not table.clustered:
        return {"minReaderVersion": 1, "minWriterVersion": 2}
    features = ["domainMetadata", "clustering", "appendOnly", "invariants"]
    return {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": features}


def _partitions(table: Table) -> list[str]:
    return [table.partitioned] if table.partitioned else []


def _fields(table: Table) -> list[dict[str, Any]]:
    return [_field(column.name, column.type, {"comment": column.about}) for column in table.columns]


def _field(name: str, kind: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "type": _type(kind), "nullable": True, "metadata": dict(metadata)}


def _type(kind: str) -> Any:
    """A type as SQL names it -> as the log does."""
    if kind.startswith("array<"):
        return {"type": "array", "elementType": _type(kind[len("array<") : -1]), "containsNull": True}
    if kind.startswith("struct<"):
        parts = (part.split(":") for part in kind[len("struct<") : -1].split(","))
        return {"type": "struct", "fields": [_field(name, of, {}) for name, of in parts]}
    return NAMES.get(kind, kind)


def _compact(what: Any) -> str:
    return json.dumps(what, separators=(",", ":"), ensure_ascii=False)
