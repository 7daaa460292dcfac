"""The predictions of a task as CSV, a device at a time, so that no fleet has to fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ad_stream.config.task import config_of
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.reader import devices_of, read_detections

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.config import Config
    from ad_stream.config.task import Task

MEASURES = ("value", "expected")
REST = ("score", "severity", "is_anomaly", "continuing", "status", "reason")
COLUMNS = ("device_id", "signal", "minute", *MEASURES, "lower", "upper", *REST)


def csv_parts(task: Task, base: Config) -> Iterator[str]:
    """A line of names, then the rows of each device in order of time; InputError where nothing was predicted yet."""
    tables = Path(str(config_of(task, base).tables.path))
    devices = devices_of(tables, DETECTIONS.name)
    yield ",".join(COLUMNS) + "\n"
    for device in devices:
        yield _text(read_detections(tables, [("device_id", "=", device)]))


def _text(rows: pd.DataFrame) -> str:
    told = rows.assign(
        lower=rows["expected"] - rows["lower_margin"], upper=rows["expected"] + rows["upper_margin"],
        minute=rows["minute"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )  # fmt: skip
    return str(told.to_csv(columns=list(COLUMNS), index=False, header=False, lineterminator="\n"))
