"""Tables with verdicts and the incidents that they make, as a stream leaves them, written without Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ad_stream.config import Config, parse
from ad_stream.grid import MINUTE
from ad_stream.incidents.acts import Act
from ad_stream.incidents.episode import rows_of
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.silence import Present
from ad_stream.incidents.table import table_row
from tests.support import written

START = datetime(2026, 11, 1, tzinfo=timezone.utc)


def run_of(tables: Path, **sections: Any) -> Config:
    """The configuration of the run that wrote the tables."""
    return parse({"source": {"kind": "files", "path": ""}, "tables": {"path": str(tables)}, **sections})


def spikes(device: str, at: Mapping[int, float], minutes: int, severity: float = 0.5) -> list[dict[str, Any]]:
    """Verdicts of one series with the band 18 to 22; at: minute -> the value of a flagged spike."""
    rows = []
    for minute in range(minutes):
        reason = ("above" if at[minute] > 20 else "below") if minute in at else "normal"
        row = written.verdict(device, "t", START + timedelta(minutes=minute), at.get(minute, 20.0), reason=reason)
        rows.append(row | {"severity": severity if minute in at else 0.0})
    return rows


def write_tables(
    tables: Path, verdicts: Iterable[Mapping[str, Any]], config: Config, *, acts: Mapping[int, tuple[int, Sequence[Act]]] | None = None
) -> list[dict[str, Any]]:  # fmt: skip
    """All tables; acts: minute -> (version of feedback, what was said). -> the rows of `incident_events`."""
    written.create(tables)
    rows = sorted(verdicts, key=lambda row: (row["minute"], row["device_id"], row["signal"]))
    written.write(tables, "detections", rows)
    written.write(
        tables,
        "minutes",
        [{name: row[name] for name in ("device_id", "signal", "minute", "revision", "value")} for row in rows],
    )
    grid, dimensions = config.minutes.grid, config.dimensions
    fold = Fold(config.incidents.rules(grid), grid, dimensions.site_of, surges=dimensions.device is None)
    names: list[tuple[str, str]] = []
    events, version = [], 0
    for minute, group in groupby(rows, key=lambda row: row["minute"]):
        window = list(group)
        for row in window:
            if (row["device_id"], row["signal"]) not in names:
                names.append((row["device_id"], row["signal"]))
        keys = np.array(sorted(names.index((row["device_id"], row["signal"])) for row in window))
        version, said = (acts or {}).get((minute - START) // timedelta(minutes=1), (version, ()))
        found = fold.step(
            MINUTE.step(minute), rows_of(window), Present(keys, lambda some: [names[key] for key in some]), said
        )
        events += [table_row(event, grid, feedback_version=version, config_version="0123456789ab") for event in found]
    written.write(tables, "incident_events", [row | {"query_id": "q", "batch_id": 0} for row in events])
    origin = {"minute": START - timedelta(minutes=1), "origin": True, "state": b"", "query_id": "q", "batch_id": 0}
    written.write(tables, "incident_state", [origin])
    return events
