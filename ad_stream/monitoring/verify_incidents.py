"""Incidents folded again from `detections`, beside what `incident_events` holds: no difference is the proof of both."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ad_stream.incidents.alarms import with_slow_flags
from ad_stream.incidents.episode import WindowRows
from ad_stream.incidents.events import PIPELINE
from ad_stream.incidents.feedback import acts_of
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.joint import NEEDED, NO_SIGNAL, as_series
from ad_stream.incidents.silence import Present
from ad_stream.incidents.table import table_row
from ad_stream.series_config import table as series_config
from ad_stream.series_config.limits import muted_and_floor
from ad_stream.series_config.rows import rules_of
from ad_stream.tables import people
from ad_stream.tables.columns import BATCH
from ad_stream.tables.incidents import FEEDBACK, INCIDENT_EVENTS
from ad_stream.tables.joint import JOINT_DETECTIONS
from ad_stream.tables.reader import read_rows

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.incidents.acts import Act
    from ad_stream.series_config.rules import Rules

KEY = ("incident_id", "seq")
NOT_COMPARED = {column.name for column in BATCH} | {"feedback_version", "config_version"}
MEASURES = ("value", "expected", "lower_margin", "upper_margin", "severity")
CLOSE = 1e-9


@dataclass
class Verified:
    """stored: rows of the table; missing, unknown: (incident_id, seq) that it lacks, or should not have; different: those
    of which a column differs, with its name."""

    stored: int = 0
    missing: list[tuple[str, int]] = field(default_factory=list)
    unknown: list[tuple[str, int]] = field(default_factory=list)
    different: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def differences(self) -> int:
        """0 where the table is what its verdicts make it."""
        return len(self.missing) + len(self.unknown) + len(self.different)


def verify(tables: Path, config: Config) -> Verified:
    """Fold the verdicts of the tables (revision 0) again, from where their incidents begin; config: of the run."""
    stored = read_rows(tables, INCIDENT_EVENTS.name, where=[("revision", "=", 0)])
    stored = stored[stored["kind"] != PIPELINE]
    origins = read_rows(tables, "incident_state", ["minute"], [("origin", "=", True)])["minute"]
    found = Verified(stored=len(stored))
    if origins.empty:
        return found
    since = origins.max().to_pydatetime()
    stored = stored[stored["minute"] > origins.max()]
    again = {
        (row["incident_id"], row["seq"]): row for row in _folded(tables, config, since, _acts(tables, stored, config))
    }
    there = {(row["incident_id"], int(row["seq"])): row for row in stored.to_dict("records")}
    found.missing = sorted(again.keys() - there.keys())
    found.unknown = sorted(there.keys() - again.keys())
    for key in sorted(again.keys() & there.keys()):
        different = [
            name
            for name, value in again[key].items()
            if name not in NOT_COMPARED and not _same(value, there[key][name])
        ]
        found.different += [(*key, name) for name in different]
    return found


def _folded(tables: Path, config: Config, since: datetime, acts: dict[datetime, list[Act]]) -> Iterator[dict[str, Any]]:
    grid, dimensions = config.minutes.grid, config.dimensions
    fold = Fold(config.incidents.rules(grid), grid, dimensions.site_of, surges=dimensions.device is None)
    columns = [
        "device_id",
        "signal",
        "minute",
        *MEASURES,
        "is_anomaly",
        "reason",
        "config_version",
        "slow_is_anomaly",
        "slow_reason",
    ]
    rows = read_rows(tables, "detections", columns, [("revision", "=", 0), ("minute", ">", since)])
    rows = with_slow_flags(rows)
    joint = _joint(tables, since)
    rows = pd.concat([rows, joint]) if len(joint) else rows
    rows = rows.sort_values(["minute", "device_id", "signal"], ignore_index=True)
    keys = rows.groupby(["device_id", "signal"], sort=False).ngroup().to_numpy()
    is_series = rows["signal"].to_numpy() != NO_SIGNAL
    firsts = np.unique(keys, return_index=True)[1]
    names = list(zip(rows["device_id"].to_numpy()[firsts], rows["signal"].to_numpy()[firsts], strict=True))
    at_step = (rows["minute"].astype("int64").to_numpy() // _unit(rows["minute"])) // grid.seconds
    verdicts = _windows(rows, at_step * grid.seconds, _Rules(tables, config))
    edges = np.flatnonzero(np.diff(at_step, prepend=-1, append=-1)) if len(rows) else np.empty(0, dtype=np.int64)
    for first, last in itertools.pairwise(edges):
        series = keys[first:last][is_series[first:last]]
        at, present = int(at_step[first]), Present(np.sort(series), lambda some: [names[key] for key in some])
        for event in fold.step(at, verdicts.where(slice(first, last)), present, acts.get(grid.start(at), [])):
            yield table_row(event, grid)


def _joint(tables: Path, since: datetime) -> pd.DataFrame:
    """Joint verdicts as rows of `detections`; none where the tables are of before joint detection."""
    if not (tables / JOINT_DETECTIONS.name).is_dir():
        nothing: pd.DataFrame = pd.DataFrame()
        return nothing
    return as_series(
        read_rows(tables, JOINT_DETECTIONS.name, list(NEEDED), [("revision", "=", 0), ("minute", ">", since)])
    )


def _unit(times: pd.Series[Any]) -> int:
    return {"ns": 10**9, "us": 10**6, "ms": 10**3, "s": 1}[times.dtype.unit]  # type: ignore[union-attr]


def _windows(rows: pd.DataFrame, begins: Any, rules: _Rules) -> WindowRows:
    measures = {name: rows[name].to_numpy(dtype=np.float64) for name in MEASURES}
    device, signal = (rows[name].to_numpy(dtype=object) for name in ("device_id", "signal"))
    muted, floor = np.zeros(len(rows), dtype=np.bool_), np.zeros(len(rows))
    versions = rows["config_version"].fillna("").str.partition("@")[2].to_numpy(dtype=object)
    for version in np.unique(versions) if len(rows) else []:
        mine = versions == version
        muted[mine], floor[mine] = muted_and_floor(
            rules.at(str(version)), device[mine], signal[mine], measures["expected"][mine], begins[mine]
        )
    floor[signal == NO_SIGNAL] = 0.0
    return WindowRows(
        device, signal, measures["value"], measures["expected"], measures["lower_margin"], measures["upper_margin"],
        np.nan_to_num(measures["severity"]), rows["is_anomaly"].fillna(False).to_numpy(dtype=np.bool_), muted, floor,
        rows["reason"].fillna("").to_numpy(dtype=object),
    )  # fmt: skip


@dataclass
class _Rules:
    tables: Path
    config: Config

    def at(self, version: str) -> Rules:
        """The rules that verdicts of a version of series_config were given under."""
        rows = series_config.read(self.tables, int(version))[0] if version else []
        return rules_of(rows, self.config.detection)


def _acts(tables: Path, stored: pd.DataFrame, config: Config) -> dict[datetime, list[Act]]:
    """Window -> what people said that took effect there: each row of the table names the version that it knew."""
    versions = stored.dropna(subset=["feedback_version"]).groupby("feedback_version")["minute"].min()
    out: dict[datetime, list[Act]] = {}
    known: Sequence[Act] = []
    for version, minute in versions.sort_index().items():
        rows, _ = people.read(FEEDBACK, tables, int(version))
        said = acts_of(rows, config.minutes.grid)
        out[minute.to_pydatetime()] = [act for act in said if act not in known]
        known = said
    return out


def _same(one: Any, other: Any) -> bool:
    if one is None or one != one:
        return other is None or other != other
    if isinstance(one, float):
        return other is not None and abs(one - float(other)) <= CLOSE * max(1.0, abs(one))
    if isinstance(one, datetime):
        return bool(other is not None and other == one)
    return bool(one == other)
