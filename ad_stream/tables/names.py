"""Where a table lies and how SQL names it: the one place that knows; no Spark is needed to ask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ad_stream.errors import InputError
from ad_stream.grid import MINUTE, Grid

if TYPE_CHECKING:
    from ad_stream import config


def is_address(tables: str | Path) -> bool:
    """Whether the tables lie below an address such as abfss://…, not in a folder of this machine."""
    return "://" in str(tables) or str(tables).startswith("dbfs:")


def folder_of(tables: str | Path, table: str) -> str:
    """Where a table lies: a folder, or below an address such as abfss://…"""
    return f"{str(tables).rstrip('/')}/{table}" if is_address(tables) else str(Path(tables, table))


def location(settings: config.Tables, table: str) -> str:
    """Absolute folder of the table; only with `tables.path`."""
    path = settings.path or ""
    return folder_of(path if is_address(path) else Path(path).resolve(), table)


def name(settings: config.Tables, table: str) -> str:
    """How SQL names the table: `catalog`.`schema`.`table`, or delta.`folder`."""
    if settings.path is None:
        return f"`{settings.catalog}`.`{settings.schema_}`.`{table}`"
    return f"delta.`{location(settings, table)}`"


def place(settings: config.Tables) -> str:
    """The table set, for people."""
    return settings.path or f"{settings.catalog}.{settings.schema_}"


def local_folder(settings: config.Tables, table: str, way_out: str) -> Path:
    """The folder of the tables; InputError with the way out where they are not on this machine."""
    if settings.path is not None and not is_address(settings.path):
        return Path(settings.path)
    raise InputError(f"the table {name(settings, table)} is not on this machine: {way_out}")


def grid_in(stored: str | None) -> Grid:
    """The property `ad_stream.every` of the table `minutes`, None where it has none -> the windows that it holds."""
    return MINUTE if stored is None else Grid(int(stored))


def check_grid(wanted: Grid, stored: str | None, place: str) -> None:
    """InputError where the tables hold windows of another length than the settings want."""
    there = grid_in(stored)
    if there != wanted:
        raise InputError(
            f"the tables in {place} hold windows of {there.text}, and minutes.every is {wanted.text}: set minutes.every to "
            f"{there.text!r}, or name another place in `tables` and another `checkpoint`"
        )
