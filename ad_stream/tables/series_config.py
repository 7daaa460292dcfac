"""The columns of the table `series_config`: one row says what somebody wanted for the series that its patterns fit."""

from __future__ import annotations

TABLE = "series_config"

COLUMNS: dict[str, tuple[str, str]] = {
    "device": ("string", "pattern of the device: * any characters, ? one, [ab] one of them"),
    "signal": ("string", "pattern of the signal; null: every signal"),
    "detector": ("string", "who judges; null in this and the next columns: the row does not say"),
    "sensitivity": ("int", "0 to 99, higher flags more"),
    "direction": ("string", "both, up or down: the side that counts"),
    "min_deviation": ("double", "a smaller distance is not flagged, unit of the signal"),
    "min_relative_deviation": ("double", "likewise, as a share of the expected value"),
    "mute_from": ("timestamp", "first minute that is judged but not flagged"),
    "mute_to": ("timestamp", "first minute that is flagged again; null with mute_from: until somebody says so"),
    "inherit": ("array<string>", "settings given back to the run: names of these columns, or mute"),
    "owner": ("string", "who wanted it"),
    "note": ("string", "why"),
    "changed": ("timestamp", "when it was wanted; of two rows that name a setting the later one wins"),
}
"""Name -> type and comment, for Spark's DDL and for the command line alike."""

SETTINGS = ("detector", "sensitivity", "direction", "min_deviation", "min_relative_deviation")
MUTE = "mute"
KEEP = {
    "delta.appendOnly": "false",
    # A detection may name any version of this table, so none of them may be cleared away.
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
}
"""Properties of the table."""


def ddl() -> str:
    """The columns as Spark's CREATE TABLE wants them."""
    return ", ".join(f"{name} {kind} COMMENT '{comment}'" for name, (kind, comment) in COLUMNS.items())
