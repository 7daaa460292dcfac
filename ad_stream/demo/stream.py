"""The run that the demo and a person's own CSV share: files in, tables out, pushes to a local receiver."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ad_stream.errors import InputError
from ad_stream.grid import DEFAULT

if TYPE_CHECKING:
    from ad_stream.azure_api.local_server import Local
    from ad_stream.pipeline.batch_state import BatchReport
    from ad_stream.pipeline.operation.summary import Summary

Steps = Callable[[str, float], None]
"""(what is being done, share of it that is done, 0 to 1)."""
OURS = {"messages", "tables", "checkpoint", "report.html", ".report.html.new"}
KEPT = "report.html"
"""What people look at meanwhile: the next report takes its place."""
FILES_PER_TRIGGER = 8
# A run of a minute or two ends before the optimising compiler pays: 51 CPU seconds with it off, 85 with it on.
SHORT_RUN = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"}


@dataclass(frozen=True)
class Streamed:
    """What the run did, and what its pushes brought to the receiver."""

    summary: Summary
    tables: Path
    received: int
    violations: list[str]


def quiet(step: str, share: float) -> None:
    """Tells nobody."""


def fresh_folder(out: Path) -> Path:
    """The folder without what an earlier demo left there but KEPT; InputError where it holds anything else."""
    strange = sorted(path.name for path in out.iterdir() if path.name not in OURS) if out.is_dir() else []
    if strange:
        raise InputError(f"the folder {out} holds {strange[0]!r}, which no demo wrote: name an empty one with --out")
    out.mkdir(parents=True, exist_ok=True)
    for path in out.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != KEPT:
            path.unlink()
    return out


def stream(
    out: Path,
    *,
    signals: list[str],
    first: datetime,
    minutes: int,
    every: timedelta = DEFAULT,
    fallback: Local | None = None,
    steps: Steps = quiet,
) -> Streamed:
    """Run out/messages, `minutes` long, through the stream into out/tables until the input ends.

    every: length of the windows; fallback: asked for series that are new.
    """
    from ad_stream.config import parse
    from ad_stream.pipeline.run import run
    from ad_stream.simulate.power_bi.receiver import PowerBIReceiver

    def progress(batch: BatchReport) -> None:
        last = batch.last or first
        steps("streaming", min(((last - first).total_seconds() / 60 + 1) / minutes, 1.0))

    steps("streaming", 0.0)
    with PowerBIReceiver(keep_rows=False, streaming_tile=False, requests_per_second=5) as receiver:
        push = {"kind": "power_bi", "url": receiver.url, "streaming_tile": False, "requests_per_second": 5}
        config = parse(
            {
                "source": {"kind": "files", "path": str(out / "messages"), "files_per_trigger": FILES_PER_TRIGGER},
                "minutes": {"every": every},
                "telemetry": {"signals": signals, "event_time": "time"},
                "tables": {"path": str(out / "tables")},
                "checkpoint": str(out / "checkpoint"),
                "fallback": {} if fallback is None else {"endpoint": fallback.endpoint, "key": fallback.key},
                "incidents": {"enabled": True},
                "push": [push],
                "trigger": "available_now",
                "spark": SHORT_RUN,
            }
        )
        summary = run(config, progress=progress)
    steps("streaming", 1.0)
    return Streamed(summary, out / "tables", receiver.count, receiver.violations)
