"""What the tests of this folder share: messages, a run over them, and its tables as pandas frames."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream import config as settings
from ad_stream.grid import Grid
from ad_stream.pipeline.run import Summary, run
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.simulate.envelope import TELEMETRY, EnvelopeWriter, Message, epoch_ms, heartbeat

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

    from ad_stream.pipeline.batch_state import BatchReport

T0 = datetime(2026, 11, 1, tzinfo=timezone.utc)
KEY = ["device_id", "signal", "minute"]
BOOKKEEPING = ["query_id", "batch_id"]


def moment(minute: float, second: float = 0.0) -> datetime:
    """`minute` minutes and `second` seconds after T0."""
    return T0 + timedelta(minutes=minute, seconds=second)


def iso(minute: float, second: float = 0.0) -> str:
    return moment(minute, second).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def message(
    body: object, minute: float = 0, second: float = 30, *, device: str | None = "d1", message_id: str | None = None, partition: int = 0,
    source: str = TELEMETRY,
) -> Message:  # fmt: skip
    """A message enqueued `minute` minutes after T0; text and bytes are sent as they are, all else as JSON."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Message(epoch_ms(moment(minute, second)), raw, device, message_id, partition, source)


def config_of(folder: Path, **sections: Any) -> settings.Config:
    """A finite run over `folder`/in into `folder`/tables."""
    content: dict[str, Any] = {
        "source": {"kind": "files", "path": str(folder / "in" / "*.jsonl")},
        "tables": {"path": str(folder / "tables")},
        "checkpoint": str(folder / "checkpoint"),
        "trigger": "available_now",
    }
    for name, section in sections.items():
        both = isinstance(section, Mapping) and isinstance(content.get(name), Mapping)
        content[name] = {**content[name], **section} if both else section
    return settings.parse(content)


@cache
def empty_tables(spark: SparkSession, grid: Grid) -> Path:
    """A folder of new tables, made once: to make all of them costs a run a fifth of its seconds."""
    folder = Path(tempfile.mkdtemp(prefix="ad-stream-tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    DeltaTables(spark, settings.Tables(path=str(folder)), grid=grid).create()
    return folder


def with_tables(config: settings.Config, spark: SparkSession) -> settings.Config:
    """The configuration, whose folder of tables, if they have one, is there now."""
    if config.tables.path is not None and not Path(config.tables.path).exists():
        shutil.copytree(empty_tables(spark, config.minutes.grid), config.tables.path)
    return config


@dataclass
class Stream:
    """A folder with messages, and runs over it."""

    spark: SparkSession
    folder: Path
    sections: dict[str, Any] = field(default_factory=dict)
    writer: EnvelopeWriter = field(init=False)
    newest: int = 0

    def __post_init__(self) -> None:
        self.writer = EnvelopeWriter(self.folder / "in")

    def config(self, **changed: Any) -> settings.Config:
        merged = dict(self.sections)
        for name, section in changed.items():
            both = isinstance(section, Mapping) and isinstance(merged.get(name), Mapping)
            merged[name] = {**merged[name], **section} if both else section
        return config_of(self.folder, **merged)

    def write(self, *files: Sequence[Message], end: bool = True) -> Stream:
        """One file per list; with `end` the last one closes every minute."""
        for number, messages in enumerate(files, start=1):
            rows = list(messages)
            self.newest = max([self.newest, *(one.enqueued for one in rows)])
            if end and number == len(files):
                rows.append(heartbeat(self.newest, watermark=self.config().minutes.watermark))
            self.writer.write(rows)
        return self

    def run(self, *, progress: Callable[[BatchReport], None] | None = None, **changed: Any) -> Summary:
        return run(with_tables(self.config(**changed), self.spark), progress=progress, spark=self.spark)

    def tables(self) -> DeltaTables:
        return DeltaTables(self.spark, self.config().tables)

    def table(self, name: str, *order: str) -> pd.DataFrame:
        """A whole table, times in UTC without a zone."""
        frame = self.tables().read(name).toPandas()
        return frame.sort_values(list(order)).reset_index(drop=True) if order else frame

    def content(self, name: str, *order: str) -> pd.DataFrame:
        """A table without the names of query and batch."""
        return self.table(name, *order).drop(columns=BOOKKEEPING)
