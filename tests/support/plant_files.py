"""A pump as people hand it to the multivariate API: a zip of `<variable>.csv`, or one table; with a fault of the relation."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

ROWS, FAULT = 1600, range(1400, 1430)
START = "2026-11-01T00:00:00Z"
Columns = Mapping[str, Sequence[float]]


def times(rows: int = ROWS, start: str = START) -> list[str]:
    """Minutes, as clients write them."""
    return list(pd.date_range(start, periods=rows, freq="min").strftime("%Y-%m-%dT%H:%M:%SZ"))


def pump(rows: int = ROWS, seed: int = 7) -> dict[str, list[float]]:
    """flow, current and temperature hang together; in the rows of FAULT the current is too high for the flow."""
    noise = np.random.default_rng(seed).normal(size=(4, rows))
    load = 50 + 10 * np.sin(np.arange(rows) / 90) + noise[0]
    current = load / 5 + noise[2] / 20
    current[FAULT.start : FAULT.stop] += 2
    return {
        "flow": list(load + noise[1] / 4),
        "current": list(current),
        "temperature": list(20 + load / 10 + noise[3] / 10),
    }


def csv_of(column: Sequence[float], stamps: Sequence[str]) -> str:
    """timestamp,value"""
    return pd.DataFrame({"timestamp": stamps, "value": column}).to_csv(index=False)


def table_of(columns: Columns, stamps: Sequence[str]) -> str:
    """timestamp and a column for each variable."""
    return pd.DataFrame({"timestamp": stamps, **columns}).to_csv(index=False)


def zip_of(files: Mapping[str, str | bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of named files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def zipped(columns: Columns, stamps: Sequence[str]) -> bytes:
    """An archive with a file for each variable."""
    return zip_of({f"{name}.csv": csv_of(column, stamps) for name, column in columns.items()})
