"""The table `series_config` without Spark, where the tables are folders of this machine; elsewhere the SQL that does it."""

from __future__ import annotations

from functools import partial

from ad_stream.tables import people
from ad_stream.tables.catalog import SERIES_CONFIG
from ad_stream.tables.people import Change, Row, insert_sql

__all__ = ["Change", "Row", "append", "changes", "insert_sql", "read"]

read = partial(people.read, SERIES_CONFIG)
append = partial(people.append, SERIES_CONFIG)
changes = partial(people.changes, SERIES_CONFIG)
