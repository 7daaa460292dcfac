"""Rows of the Delta tables as pandas frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

SHOWN = (
    "device_id", "signal", "minute", "revision", "value", "expected", "upper_margin", "lower_margin", "score",
    "severity", "is_anomaly", "is_positive", "continuing", "status", "reason",
)  # fmt: skip


def place(tables: str | Path, table: str) -> str:
    """Where a table lies: a folder, or below an address such as abfss://…"""
    return f"{str(tables).rstrip('/')}/{table}" if "://" in str(tables) else str(Path(tables, table))


def read_rows(
    tables: str | Path,
    table: str,
    columns: Sequence[str] | None = None,
    where: list[tuple[str, str, Any]] | None = None,
) -> pd.DataFrame:
    """The rows of one table. where: [('device_id', '=', 'pi-01'), ('minute', '>=', datetime)], all must hold."""
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        opened = DeltaTable(place(tables, table))
    except TableNotFoundError:
        raise InputError(f"there is no table {table!r} in {tables}: name the folder that a run wrote") from None
    frame: pd.DataFrame = opened.to_pandas(columns=list(columns) if columns else None, filters=where or None)
    return frame


def read_detections(tables: str | Path, where: list[tuple[str, str, Any]] | None = None) -> pd.DataFrame:
    """The verdicts, highest revision of each minute, sorted by device, signal and minute (UTC)."""
    rows = read_rows(tables, "detections", SHOWN, where).sort_values(["device_id", "signal", "minute", "revision"])
    latest: pd.DataFrame = rows.drop_duplicates(["device_id", "signal", "minute"], keep="last").reset_index(drop=True)
    return latest
