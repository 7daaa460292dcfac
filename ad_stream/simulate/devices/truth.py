"""What a simulated run contains, as a file that lies beside its messages."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from ad_stream.errors import InputError
from ad_stream.simulate.devices.fault import Fault

TRUTH_FILE = "_truth.json"
"""The leading underscore hides the file from Spark, which reads the folder it lies in."""


@dataclass(frozen=True)
class Truth:
    """The ground truth of a run.

    start        first minute, UTC; minutes: length; devices: number; signals: their names
    messages     lines written, the heartbeat left out
    series_minutes  (device, signal, minute) cells that hold at least one value
    bad_traffic  kind -> messages
    expected     what a run with `event_time: time` must count: quarantined {reason: rows}, late (rows, one per
                 signal), duplicates and non_telemetry (messages)
    sites        how many; 0: the fleet has none
    """

    seed: int
    start: datetime
    minutes: int
    devices: int
    signals: tuple[str, ...]
    messages: int
    series_minutes: int
    faults: tuple[Fault, ...]
    bad_traffic: dict[str, int]
    expected: dict[str, object]
    sites: int = 0

    def write(self, folder: Path) -> Path:
        """Write `_truth.json` into the folder of the messages."""
        path, plain = folder / TRUTH_FILE, asdict(self)
        # A file says nothing of sites where there are none, so that it stays what it was before there were any.
        for row, names in ((plain, ("sites",)), *((fault, ("site", "event")) for fault in plain["faults"])):
            for name in names:
                if not row[name]:
                    del row[name]
        path.write_text(json.dumps(plain, default=_utc, indent=1) + "\n", encoding="utf-8")
        return path


def read_truth(folder: Path) -> Truth:
    """The truth of a folder that `simulate` wrote."""
    path = folder / TRUTH_FILE
    if not path.exists():
        raise InputError(f"{folder} has no {TRUTH_FILE}: give the folder that `ad-stream simulate` wrote")
    raw = json.loads(path.read_text(encoding="utf-8"))
    for row in [raw, *raw["faults"]]:
        row.update({name: _moment(row[name]) for name in ("start", "end") if name in row})
    faults = tuple(Fault(**row) for row in raw["faults"])
    return Truth(**{**raw, "signals": tuple(raw["signals"]), "faults": faults})


def _utc(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
