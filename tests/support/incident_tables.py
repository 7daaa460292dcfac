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
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.silence import Present
from ad_stream.incidents.table import table_row
from ad_stream.incidents.window_rows import rows_of
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
    tables: Path, verdicts: Iterable[Mapping[str, Any]], config: Config, *, acts: Mapping[int, tuple[int, Sequence[Act]]] | None = None,
    then: tuple[int, Config] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """All tables; acts: minute -> (version of feedback, what was said); then: a minute, and the configuration of the run that
    went on from there. -> the rows of `incident_events`."""
    written.create(tables)
    rows = sorted(verdicts, key=lambda row: (row["minute"], row["device_id"], row["signal"]))
    written.write(tables, "detections", rows)
    written.write(
        tables,
        "minutes",
        [{name: row[name] for name in ("device_id", "signal", "minute", "revision", "value")} for row in rows],
    )
    grid, fold = config.minutes.grid, _fold(config)
    states = [_origin(START, fold)]
    names: list[tuple[str, str]] = []
    events, version = [], 0
    for minute, group in groupby(rows, key=lambda row: row["minute"]):
        window, at = list(group), (minute - START) // timedelta(minutes=1)
        if then is not None and at == then[0]:
            state, fold = fold.state(), _fold(then[1])
            fold.restore(state)
            states.append(_origin(minute, fold))
        for row in window:
            if (row["device_id"], row["signal"]) not in names:
                names.append((row["device_id"], row["signal"]))
        keys = np.array(sorted(names.index((row["device_id"], row["signal"])) for row in window))
        version, said = (acts or {}).get(at, (version, ()))
        found = fold.step(
            MINUTE.step(minute), rows_of(window), Present(keys, lambda some: [names[key] for key in some]), said
        )
        events += [table_row(event, grid, feedback_version=version, config_version="0123456789ab") for event in found]
    written.write(tables, "incident_events", [row | {"query_id": "q", "batch_id": 0} for row in events])
    written.write(tables, "incident_state", states)
    return events


def _fold(config: Config) -> Fold:
    return config.incidents.fold(config.minutes.grid, config.dimensions)


def _origin(first: datetime, fold: Fold) -> dict[str, Any]:
    """The row of `incident_state` where a run begins to fold, its first window being `first`."""
    return {
        "minute": first - timedelta(minutes=1), "origin": True, "state": fold.state(), "query_id": "q", "batch_id": 0,
    }  # fmt: skip
