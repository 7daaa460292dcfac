"""Are two table sets equal? Rows are matched by key; what only names a batch is left out, doubles agree to 1e-9."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from deltalake import DeltaTable

KEYS = {
    "minutes": ["device_id", "signal", "minute", "revision"],
    "detections": ["device_id", "signal", "minute", "revision"],
    "late": ["device_id", "signal", "event_time", "source", "partition", "sequence"],
    "quarantine": ["source", "partition", "sequence", "element"],
}
ALSO = {"series": ["device_id", "signal"], "incident_events": ["incident_id", "revision", "seq"]}
"""Tables that only the long runs compare: the others begin with tables of an earlier version, or without incidents."""
BATCH = ["query_id", "batch_id"]


@dataclass(frozen=True)
class Difference:
    """How a table differs from the one it should equal, in rows."""

    lost: int
    doubled: int
    wrong: int
    extra: int

    @property
    def none(self) -> bool:
        return not (self.lost or self.doubled or self.wrong or self.extra)


SAME = dict.fromkeys(KEYS, Difference(lost=0, doubled=0, wrong=0, extra=0))


def read(folder: Path, table: str) -> pd.DataFrame:
    """A table as pandas, without the columns that name its batch."""
    return DeltaTable(str(folder / table)).to_pandas().drop(columns=BATCH)


def difference(found: pd.DataFrame, wanted: pd.DataFrame, table: str) -> Difference:
    """`found` against `wanted`; a row that differs in any column is wrong."""
    key = (KEYS | ALSO)[table]
    doubled = int(found.duplicated(key).sum())
    both = wanted.merge(found.drop_duplicates(key), on=key, how="outer", suffixes=("", "_found"), indicator=True)
    paired = both[both["_merge"] == "both"]
    wrong = np.zeros(len(paired), dtype=bool)
    for name in [column for column in wanted.columns if column not in key]:
        wrong |= ~_same(paired[name], paired[f"{name}_found"])
    return Difference(
        int((both["_merge"] == "left_only").sum()),
        doubled,
        int(wrong.sum()),
        int((both["_merge"] == "right_only").sum()),
    )


def _same(a: pd.Series, b: pd.Series) -> np.ndarray:
    if a.dtype.kind == "f" and b.dtype.kind == "f":
        return np.isclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True)
    return ((a == b) | (a.isna() & b.isna())).to_numpy(dtype=bool)


def differences(found: Path, wanted: Path, *, named: bool = True) -> dict[str, Difference]:
    """Every table of two table folders that a run must reproduce; named: the hub, topic or folder is the same, too."""
    return {table: difference(_table(found, table, named), _table(wanted, table, named), table) for table in KEYS}


def _table(folder: Path, table: str, named: bool) -> pd.DataFrame:
    frame = read(folder, table)
    return frame.assign(source="") if "source" in frame and not named else frame
