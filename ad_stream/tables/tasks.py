"""The table of the task form, part of `tables.catalog`."""

from __future__ import annotations

from ad_stream.tables.columns import moment, text, whole
from ad_stream.tables.schema import Table

TASKS = Table(
    "tasks", "What people set up on the page Jobs, or with `ad-stream tasks`: of a task the row of the highest version counts",
    (
        text("task", "its name"),
        whole("version", "1, and one more with each change"),
        text("state", "active, or retired: it runs no more"),
        text("said", "source, time, dimensions, feature, detector and the three schedules, JSON"),
        text("owner", "who said so"),
        moment("changed", "when"),
    ),
    key=("task", "version"),
)  # fmt: skip
"""Made at its first row, without Spark; streams and backfills neither make nor need it."""
