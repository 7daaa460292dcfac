"""JSON-lines files; each file is read once, in order of modification time. What lines may hold: `lines`.

Put a file there whole (write beside, then rename): Spark does not look at a file twice. A line that is no JSON
object becomes an event of its own with the line as body, so that quarantine shows it.
"""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.errors import InputError
from ad_stream.sources.contract import HEARTBEAT, Reader, storable
from ad_stream.sources.files.lines import CORRUPT, ENVELOPE, ROUTED, Kind, bodies, envelopes, kind_in, routed
from ad_stream.sources.files.settings import FilesSource
from ad_stream.times import moment

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.readwriter import DataStreamReader

NEWEST_FILES, LAST_BYTES = 20, 1_000_000
"""How much is looked at for `newest_times`."""
TIME_IN_LINE = (
    rb'"(?:[eE]nqueuedTime(?:Utc)?|iothub-enqueuedtime|time|timestamp|ts)" *: *"((?:19[789]|20|21)[0-9TZ:.+-]{16,33})"'
)


class FilesReader(Reader[FilesSource]):
    """Files by Spark's own file source."""

    def read(self, spark: SparkSession, settings: FilesSource, start: datetime | None) -> DataFrame:
        """The events of all files below `settings.path` (globs allowed) that were enqueued at or after `start`."""
        reader = spark.readStream
        if settings.files_per_trigger:
            reader = reader.option("maxFilesPerTrigger", settings.files_per_trigger)
        events = _events(
            reader, settings, kind_in(settings.path, spark) if settings.lines == "auto" else settings.lines
        )
        start = start or _configured(settings.start)
        if start is None:
            return events
        # What has no time that counts is not before anything; it goes to quarantine.
        return events.where((F.col("enqueued_time") >= F.lit(start)) | F.expr(f"{storable('enqueued_time')} is null"))

    def check(self, _: SparkSession, settings: FilesSource) -> None:
        """InputError where neither folder nor files exist."""
        import glob

        path = settings.path
        if "://" not in path and not path.startswith("dbfs:") and not glob.glob(path):  # noqa: PTH207 (may be absolute)
            raise InputError(
                f"source.path {path!r} does not exist: create the folder, or run 'ad-stream simulate' into it"
            )

    def newest_times(self, settings: FilesSource) -> list[datetime]:
        """Hub times in the last part of the newest files, heartbeats apart; none where this process cannot see them."""
        import glob

        by_age = sorted((Path(name) for name in glob.glob(settings.path)), key=_age)  # noqa: PTH207
        files = [path for path in by_age if path.is_file()] or [
            path for folder in by_age for path in sorted(folder.iterdir(), key=_age) if path.is_file()
        ]
        return [moment for path in files[-NEWEST_FILES:] for moment in _times_in(path)]


def _events(reader: DataStreamReader, settings: FilesSource, kind: Kind) -> DataFrame:
    path, name = _watched(settings.path), settings.path
    if kind == "bodies":
        named = "value", "_metadata.file_modification_time as file_time", "_metadata.file_name as file_name"
        return bodies(reader.text(path).selectExpr(*named), name, settings.time)
    reader = reader.option("columnNameOfCorruptRecord", CORRUPT)
    if kind == "routed":
        # The container has a folder for each hub, partition, day, hour and minute.
        return routed(reader.schema(ROUTED).option("recursiveFileLookup", "true").json(path), name)
    return envelopes(reader.schema(ENVELOPE).json(path), name)


def _watched(path: str) -> str:
    """The path as Spark's stream takes it: a folder or a pattern; a single file becomes the pattern that it alone fits."""
    file = Path(path)
    if not file.is_file() or any(letter in path for letter in "*?[{"):
        return path
    return str(file.with_name(f"[{file.name[0]}]{file.name[1:]}"))


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _times_in(path: Path) -> list[datetime]:
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - LAST_BYTES))
        lines = [line for line in handle if HEARTBEAT.encode() not in line]
    found = []
    for text in re.findall(TIME_IN_LINE, b"".join(lines)):
        with contextlib.suppress(ValueError):  # what is no time is found when it is parsed
            moment = datetime.fromisoformat(text.decode().replace("Z", "+00:00"))
            found.append(moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc))
    return found


def _configured(start: str) -> datetime | None:
    return None if start == "earliest" else moment(start)
