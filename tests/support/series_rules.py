"""Rows of series_config as the tests of this folder write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ad_stream.config import parse_detection
from ad_stream.tables.catalog import SERIES_CONFIG

T0 = datetime(2026, 11, 1, tzinfo=timezone.utc)
BASE = parse_detection({"points": 60, "sensitivity": 95, "min_deviation": 0.5})


def row(device: str, changed: int = 0, **said: Any) -> dict[str, Any]:
    """A whole row of the table, `changed` minutes after T0."""
    return dict.fromkeys(SERIES_CONFIG.names) | {"device": device, "changed": T0 + timedelta(minutes=changed)} | said
