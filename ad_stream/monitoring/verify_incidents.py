"""Incidents folded again from `detections`, beside what `incident_events` holds: no difference is the proof of both."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ad_stream.incidents.alarms import with_slow_flags
from ad_stream.incidents.events import PIPELINE
from ad_stream.incidents.feedback import acts_of
from ad_stream.incidents.fold import basis_of
from ad_stream.incidents.joint import NEEDED, NO_SIGNAL, as_series
from ad_stream.incidents.rules import RULES
from ad_stream.incidents.silence import Present
from ad_stream.incidents.table import table_row
from ad_stream.incidents.window_rows import MEASURES, WindowRows, rows_of_frame
from ad_stream.series_config import table as series_config
from ad_stream.series_config.limits import muted_and_floor, muted_at
from ad_stream.series_config.rows import rules_of
from ad_stream.tables import people
from ad_stream.tables.columns import BATCH
from ad_stream.tables.incidents import FEEDBACK, INCIDENT_EVENTS, INCIDENT_STATE
from ad_stream.tables.joint import JOINT_DETECTIONS
from ad_stream.tables.reader import read_rows

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.incidents.acts import Act
    from ad_stream.incidents.fold import Fold
    from ad_stream.series_config.rules import Rules

KEY = ("incident_id", "seq")
NOT_COMPARED = {column.name for column in BATCH} | {"feedback_version", "config_version"}
CLOSE = 1e-9


@dataclass
class Verified:
    """stored: rows of the table; missing, unknown: (incident_id, seq) that it lacks, or should not have; different: those
    of which a column differs, with its name. earlier: rows that other rules made, which are not compared, and note: which."""

    stored: int = 0
    missing: list[tuple[str, int]] = field(default_factory=list)
    unknown: list[tuple[str, int]] = field(default_factory=list)
    different: list[tuple[str, int, str]] = field(default_factory=list)
    earlier: int = 0
    note: str | None = None

    @property
    def differences(self) -> int:
        """0 where the table is what its verdicts make it."""
        return len(self.missing) + len(self.unknown) + len(self.different)


def verify(tables: Path, config: Config) -> Verified:
    """Fold the verdicts of the tables (revision 0) again, from where their incidents begin, or went on by other rules than
    before (a newer version, other settings); config: of the run."""
    stored = read_rows(tables, INCIDENT_EVENTS.name, where=[("revision", "=", 0)])
    stored = stored[stored["kind"] != PIPELINE]
    begun = read_rows(tables, INCIDENT_STATE.name, where=[("origin", "=", True)]).sort_values("minute")
    found = Verified(stored=len(stored))
    if begun.empty:
        return found
    fold = config.incidents.fold(config.minutes.grid, config.dimensions)
    before, (_, last) = begun.iloc[:-1], next(begun.iloc[-1:].iterrows())
    fold.restore(bytes(last["state"]))
    fold.silence.renumber()
    now = stored["minute"] > last["minute"]
    if fold.before["version"] != RULES:
        found.earlier = len(stored)
        found.note = (
            f"folded by version {fold.before['version']} of the rules, and this is version {RULES}: compared is what the stream "
            f"writes from its next start on"
        )
        return found
    found.earlier = len(stored) - int(now.sum())
    if found.earlier and len(before):
        found.note = f"folded until {last['minute']:%Y-%m-%d %H:%M} UTC by other rules: {_other(before.iloc[-1], fold)}"
    _compare(found, stored[now], _folded(tables, config, fold, last, stored[now]))
    return found


def _compare(found: Verified, stored: pd.DataFrame, folded: Iterator[dict[str, Any]]) -> None:
    again = {(row["incident_id"], row["seq"]): row for row in folded}
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


def _other(state: Any, fold: Fold) -> str:
    """What a state was folded by, as far as it differs from a fold: 'version 1, now 2'."""
    was = basis_of(bytes(state["state"]))
    return ", ".join(
        f"{name} {was[name]}, now {value}" for name, value in fold.before.items() if name in was and was[name] != value
    )


def _folded(tables: Path, config: Config, fold: Fold, state: Any, stored: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows of what came after a state, which the fold has; stored: the rows there are."""
    grid, acts = config.minutes.grid, _acts(tables, stored, config, state["feedback_version"])
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
    since = state["minute"].to_pydatetime()
    rows = with_slow_flags(read_rows(tables, "detections", columns, [("revision", "=", 0), ("minute", ">", since)]))
    joint = _joint(tables, since)
    rows = pd.concat([rows, joint]) if len(joint) else rows
    rows = rows.sort_values(["minute", "device_id", "signal"], ignore_index=True)
    keys = rows.groupby(["device_id", "signal"], sort=False).ngroup().to_numpy()
    is_series = rows["signal"].to_numpy() != NO_SIGNAL
    firsts = np.unique(keys, return_index=True)[1]
    names = list(zip(rows["device_id"].to_numpy()[firsts], rows["signal"].to_numpy()[firsts], strict=True))
    at_step = (rows["minute"].astype("int64").to_numpy() // _unit(rows["minute"])) // grid.seconds
    rules = _Rules(tables, config)
    verdicts = _windows(rows, at_step * grid.seconds, rules)
    edges = np.flatnonzero(np.diff(at_step, prepend=-1, append=-1)) if len(rows) else np.empty(0, dtype=np.int64)
    for first, last in itertools.pairwise(edges):
        at, names_of = int(at_step[first]), lambda some: [names[key] for key in some]
        version = rows["config_version"].iloc[first:last].max()
        series = keys[first:last][is_series[first:last]]
        present = Present(np.sort(series), names_of, partial(rules.muted, str(version), at * grid.seconds))
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
    expected = rows["expected"].to_numpy(dtype=np.float64)
    device, signal = (rows[name].to_numpy(dtype=object) for name in ("device_id", "signal"))
    muted, floor = np.zeros(len(rows), dtype=np.bool_), np.zeros(len(rows))
    versions = rows["config_version"].fillna("").str.partition("@")[2].to_numpy(dtype=object)
    for version in np.unique(versions) if len(rows) else []:
        mine = versions == version
        muted[mine], floor[mine] = muted_and_floor(
            rules.at(str(version)), device[mine], signal[mine], expected[mine], begins[mine]
        )
    floor[signal == NO_SIGNAL] = 0.0
    return rows_of_frame(rows, muted, floor)


@dataclass
class _Rules:
    tables: Path
    config: Config

    def at(self, version: str) -> Rules:
        """The rules that verdicts of a version of series_config were given under."""
        rows = series_config.read(self.tables, int(version))[0] if version else []
        return rules_of(rows, self.config.detection)

    def muted(self, config_version: str, begins: int, series: Sequence[tuple[str, str]]) -> Any:
        """Which of some series are muted in a window."""
        return muted_at(self.at(config_version.partition("@")[2]), series, begins)


def _acts(tables: Path, stored: pd.DataFrame, config: Config, before: float | None) -> dict[datetime, list[Act]]:
    """Window -> what people said that took effect there: each row of the table names the version that it knew. before: the
    version that was known when it began."""
    versions = stored.dropna(subset=["feedback_version"]).groupby("feedback_version")["minute"].min()
    out: dict[datetime, list[Act]] = {}
    known: Sequence[Act] = []
    if before is not None and before == before:
        known = acts_of(people.read(FEEDBACK, tables, int(before))[0], config.minutes.grid)
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
