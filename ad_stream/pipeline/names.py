"""Where a table lies and how SQL names it; no Spark is needed to know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ad_stream import config


def location(settings: config.Tables, table: str) -> str:
    """Folder of the table; only with `tables.path`."""
    path = settings.path or ""
    if "://" in path or path.startswith("dbfs:"):
        return f"{path.rstrip('/')}/{table}"
    return str(Path(path, table).resolve())


def name(settings: config.Tables, table: str) -> str:
    """`catalog`.`schema`.`table`, or delta.`folder`."""
    if settings.path is None:
        return f"`{settings.catalog}`.`{settings.schema_}`.`{table}`"
    return f"delta.`{location(settings, table)}`"


def place(settings: config.Tables) -> str:
    """The table set, for people."""
    return settings.path or f"{settings.catalog}.{settings.schema_}"
