"""The section `source` of kind files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ad_stream.settings import Start
from ad_stream.sources.contract import SourceSettings

Lines = Literal["auto", "envelope", "routed", "bodies"]


def _no_latest(value: str) -> str:
    if value == "latest":
        raise ValueError("files have no latest event, write earliest or a time")
    return value


class FilesSource(SourceSettings):
    """JSON-lines files in a folder that is read in order of modification time.

    lines: envelope (docs/formats.md), routed (what IoT Hub's message routing writes to a storage container, in JSON), bodies
    (each line is what a device sent), auto: told by the first line of the first file, envelope where there is none yet.
    time: with bodies, the members that may hold the time at which a line came; the file's own time where none does.
    start: earliest, or the enqueued time before which events are left out.
    """

    kind: Literal["files"]
    path: str
    lines: Lines = "auto"
    time: list[str] = Field(
        default=["enqueuedTime", "time", "timestamp", "ts", "eventTime", "event_time", "datetime", "date"], min_length=1
    )
    files_per_trigger: int | None = Field(default=None, ge=1)
    start: Annotated[Start, AfterValidator(_no_latest)] = "earliest"
