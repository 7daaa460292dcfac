"""How far a landing folder has come, for whoever looks at it from outside; nothing here writes."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ad_stream.landing.folder import TROUBLE, LandedState, LandingFolder

MOST_FILES = 200
"""Of the last hour that are counted: a run that catches up writes more, and says less by them."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class LandingStatus:
    """state: None where nothing was landed yet. rows_an_hour: landed within the last hour. error: what the source said last, at
    `error_at`, None where it never failed; away: whether that is how it still is."""

    state: LandedState | None
    rows_an_hour: int = 0
    error: str | None = None
    error_at: str | None = None
    away: bool = False


def status(path: Path, now: datetime) -> LandingStatus:
    """Of a folder that may not be there."""
    folder = LandingFolder(path)
    state = None if folder.is_new else folder.state(0)
    told: dict[str, object] = {}
    with suppress(OSError, ValueError):
        told = json.loads((path / TROUBLE).read_text(encoding="utf-8"))
    at, error = told.get("at"), told.get("error")
    return LandingStatus(
        state,
        _rows_since(path, now - HOUR),
        str(error) if error else None,
        str(at) if at else None,
        told.get("away") is True,
    )


def _rows_since(path: Path, since: datetime) -> int:
    young = []
    for one in path.glob("[ra]*-*.parquet"):
        with suppress(OSError):
            if datetime.fromtimestamp(one.stat().st_mtime, timezone.utc) >= since:
                young.append(one)
    rows = 0
    for one in young[:MOST_FILES]:
        with suppress(OSError, pa.ArrowException):  # a person may have deleted it by now
            rows += pq.read_metadata(one).num_rows
    return rows
