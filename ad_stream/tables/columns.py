"""What columns are written with: one function a type, and what several tables share."""

from __future__ import annotations

from ad_stream.tables.schema import Column


def column(kind: str, name: str, about: str, *uses: str, since: int = 1) -> Column:
    """A column of a type as Delta names it."""
    return Column(name, kind, about, since, frozenset(uses))


def text(name: str, about: str, *uses: str, since: int = 1) -> Column:
    """Text."""
    return column("string", name, about, *uses, since=since)


def number(name: str, about: str, *uses: str, since: int = 1) -> Column:
    """A float of 64 bits."""
    return column("double", name, about, *uses, since=since)


def whole(name: str, about: str, *uses: str, since: int = 1) -> Column:
    """A whole number of 64 bits."""
    return column("long", name, about, *uses, since=since)


def flag(name: str, about: str, *uses: str, since: int = 1) -> Column:
    """Yes or no."""
    return column("boolean", name, about, *uses, since=since)


def moment(name: str, about: str, *uses: str, since: int = 1) -> Column:
    """A time, UTC."""
    return column("timestamp", name, about, *uses, since=since)


BATCH = (
    text("query_id", "query that wrote the row; a new checkpoint gives a new one"),
    whole("batch_id", "number of the batch within its query"),
)
CACHE = {
    "delta.logRetentionDuration": "interval 1 day",
    "delta.deletedFileRetentionDuration": "interval 1 hour",
}
KEPT = {
    # A detection may name any version of this table, so none of them may be cleared away.
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
}
