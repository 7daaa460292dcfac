"""Tables of a plant with many incidents, written without Spark and without folding: what the incident page has to hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from deltalake import write_deltalake

from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.incidents import INCIDENT_EVENTS
from ad_stream.tables.schema import Table, arrow

SITES, DEVICES, DAYS = 20, 2000, 28
LEVELS = np.array(["low", "medium", "high"], dtype=object)
MINUTE = np.timedelta64(1, "m")


def write_incidents(
    tables: str | Path, newest: datetime, incidents: int, *, single_files: int = 240, open_share: float = 0.001
) -> int:
    """Incidents of the last DAYS days, each opened, half joined by a second device, a fifth worsened, all but a few closed.

    A file a day, as OPTIMIZE leaves them, and one for each of the last `single_files` minutes with events. -> the rows.
    """
    rows = _rows(newest, incidents, open_share).sort_values("minute", kind="stable", ignore_index=True)
    minute = rows["minute"]
    file = minute.dt.floor("D").where(minute < minute.iloc[-1] - pd.Timedelta(minutes=single_files), minute)
    for _, part in rows.groupby(file, sort=True):
        _append(tables, INCIDENT_EVENTS, part)
    return len(rows)


def write_verdicts(tables: str | Path, newest: datetime, minutes: int = 180) -> None:
    """The last minutes of the first device of each site: value 20, band 18 to 22."""
    times = pd.date_range(newest - timedelta(minutes=minutes - 1), newest, freq="min")
    same = {
        "signal": "temperature", "revision": 0, "value": 20.0, "expected": 20.0, "upper_margin": 2.0, "lower_margin": 2.0,
        "score": 0.5, "sr_score": 0.5, "severity": 0.0, "is_anomaly": False, "is_positive": False, "is_negative": False,
        "continuing": False, "status": "scored", "reason": "normal", "detector": "default", "points": 120, "imputed": 0,
        "query_id": "q", "batch_id": 0, "config_version": "0123456789ab",
    }  # fmt: skip
    frame = pd.concat([pd.DataFrame({"minute": times, "device_id": _device(site)}) for site in range(SITES)])
    _append(tables, DETECTIONS, frame.assign(**same))


def _rows(newest: datetime, incidents: int, open_share: float) -> pd.DataFrame:
    draws = np.random.default_rng(3)
    end = np.datetime64(newest.replace(tzinfo=None), "us")
    started = np.sort(end - draws.integers(0, DAYS * 1440, incidents) * MINUTE)
    length = (draws.geometric(1 / 15, incidents) + 10) * MINUTE
    device, level = draws.integers(0, DEVICES, incidents), draws.choice(3, incidents, p=(0.6, 0.3, 0.1))
    severity = 0.36 + 0.2 * level + draws.uniform(0, 0.1, incidents)
    is_open = (draws.random(incidents) < open_share) | (started + length > end)
    never = np.full(incidents, np.datetime64("NaT", "us"))
    whole: dict[str, Any] = {
        "incident_id": [f"{at:%Y%m%d-%H%M}-{n:010x}" for n, at in enumerate(pd.to_datetime(started))], "seq": 0, "event": "opened",
        "minute": started, "notify": True, "why": "severity", "kind": "value", "site": [_site(one) for one in device],
        "device_id": [_device(one) for one in device], "signal": "temperature", "reason": "above", "direction": "above",
        "started": started, "opened": started, "last": started, "ended": never, "close_reason": "", "severity": severity,
        "level": LEVELS[level], "told": LEVELS[level], "peak_minute": started, "peak_value": 20 + 30 * severity, "expected": 20.0,
        "lower": 18.0, "upper": 22.0, "devices": 1, "series": 1, "open_series": 1, "flagged_minutes": 1, "out_minutes": 1,
        "reopened": 0, "origin": "stream", "revision": 0, "config_version": "0123456789ab", "query_id": "q", "batch_id": 0,
    }  # fmt: skip
    opened = pd.DataFrame(whole)
    joins, grows = draws.random(incidents) < 0.5, draws.random(incidents) < 0.2
    other = [_device((one + SITES) % DEVICES) for one in device]
    joined = opened.assign(event="joined", seq=1, device_id=other, notify=False, minute=started + MINUTE)[joins]
    worse = opened.assign(event="worsened", seq=2, minute=started + 2 * MINUTE, devices=2, series=2)[grows]
    over = opened.assign(
        event="closed", seq=3, minute=started + length, ended=started + length, last=started + length - 10 * MINUTE
    )
    closed = over.assign(close_reason="returned", open_series=0, devices=1 + joins, series=1 + joins)[~is_open]
    rows = pd.concat([opened, joined, worse, closed], ignore_index=True)
    return rows[rows["minute"] <= end]


def _site(device: int) -> str:
    return f"plant-{device % SITES:02d}"


def _device(device: int) -> str:
    return f"{_site(device)}-pump-{device:04d}"


def _append(tables: str | Path, table: Table, rows: pd.DataFrame) -> None:
    columns = arrow(table.columns)
    arrays = [
        pa.Array.from_pandas(rows[one.name], type=one.type, safe=False)
        if one.name in rows
        else pa.nulls(len(rows), one.type)
        for one in columns
    ]
    write_deltalake(str(Path(tables) / table.name), pa.Table.from_arrays(arrays, schema=columns), mode="append")
