"""A person's labelled file, read as `detect` reads a file, with the column that says when something happened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ad_stream.errors import InputError
from ad_stream.readings import Readings, ReadOptions
from ad_stream.readings import read as read_file

if TYPE_CHECKING:
    from ad_stream.model import Bools

LABEL = "label"
MEANS = {"1": True, "0": False, "1.0": True, "0.0": False, "true": True, "false": False}


def read(path: str | Path, options: ReadOptions | None = None) -> pd.DataFrame:
    """The file as a frame (device, timestamp UTC, value, label) sorted by device and time; each series is a device of its own.

    Raises InputError where the file cannot be read, has no column `label`, or no row is labelled.
    """
    found = read_file(Path(path), replace(options or ReadOptions(), beside=LABEL))
    frame = pd.DataFrame({
        "device": _series(found), "timestamp": pd.to_datetime(found.ms, unit="ms", utc=True), "value": found.value,
        "label": _labels(found),
    })  # fmt: skip
    ordered: pd.DataFrame = frame.sort_values(["device", "timestamp"], kind="stable", ignore_index=True)
    return ordered


def _series(found: Readings) -> list[str]:
    devices = [found.devices[code] for code in found.device]
    if len(found.signals) == 1:
        return devices
    return [f"{device} {found.signals[code]}" for device, code in zip(devices, found.signal, strict=True)]


def _labels(found: Readings) -> Bools:
    column = pd.Series(found.beside).astype(str).str.strip().str.lower()
    labels = column.map(MEANS)
    if labels.isna().any():
        wrong = column[labels.isna()].iloc[0]
        raise InputError(f"the column {LABEL!r} of {found.name} holds {wrong!r}, it takes 0 and 1 or false and true")
    if not labels.any():
        raise InputError(
            f"no row of {found.name} is labelled, put 1 into the column {LABEL!r} where something happened"
        )
    return np.asarray(labels, dtype=np.bool_)
