"""What a source yields, and whole streams over it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ad_stream.config import parse
from ad_stream.pipeline.operation.progress import row
from ad_stream.pipeline.run import Report, Summary, run
from ad_stream.simulate.send import Event
from ad_stream.sources import registry
from tests.support.streaming import with_tables


def settings_of(source: dict[str, Any]) -> Any:
    return parse({"source": source, "tables": {"path": "unused"}}).source


def looked_at(spark: Any, source: dict[str, Any]) -> None:
    """What a run does first; raises what a run would say."""
    settings = settings_of(source)
    registry.reader_of(settings).check(spark, settings)


def stream(
    spark: Any, source: dict[str, Any], folder: Path, *, progress: Report | None = None, **sections: Any
) -> Summary:
    """The messages of `source` into `folder`/tables, to their end."""
    content = {
        "source": source,
        "telemetry": {"event_time": "time"},
        "tables": {"path": str(folder / "tables")},
        "checkpoint": str(folder / "checkpoint"),
        "trigger": "available_now",
        **sections,
    }
    return run(with_tables(parse(content), spark), spark=spark, progress=progress)


def drained(
    spark: Any, source: dict[str, Any], checkpoint: Path, *, start: datetime | None = None
) -> tuple[list[Any], list[dict[str, Any]]]:
    """All events there are beyond the checkpoint, and the rows of the table `progress` for the batches they took."""
    found: list[Any] = []
    events = registry.read(spark, settings_of(source), start).selectExpr("*", "unix_millis(enqueued_time) as ms")
    writer = events.writeStream.foreachBatch(lambda rows, _: found.extend(rows.collect()))
    query = writer.option("checkpointLocation", str(checkpoint)).trigger(availableNow=True).start()
    assert query.awaitTermination(300), "the source did not come to its end"
    found.sort(key=lambda one: (one.partition, one.sequence))
    return found, [row(progress) for progress in query.recentProgress]


def event(number: int, *, partition: int = 0) -> Event:
    """The event of minute `number`."""
    at = datetime(2026, 11, 1, 6, number, 30, 250_000, timezone.utc)
    system = {
        "iothub-connection-device-id": "dev-1",
        "message-id": f"m{number}",
        "iothub-message-source": "Telemetry",
        "iothub-enqueuedtime": at.isoformat(),
    }
    return Event(partition, at, b'{"t": %d}' % number, {"site": "north"}, system)
