"""The section `source` of kind files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ad_stream.settings import Start
from ad_stream.sources.contract import SourceSettings


def _no_latest(value: str) -> str:
    if value == "latest":
        raise ValueError("files have no latest event, write earliest or a time")
    return value


class FilesSource(SourceSettings):
    """JSON-lines files in the envelope of the design; a folder that is read in order of modification time.

    start: earliest, or the enqueued time before which events are left out.
    """

    kind: Literal["files"]
    path: str
    files_per_trigger: int | None = Field(default=None, ge=1)
    start: Annotated[Start, AfterValidator(_no_latest)] = "earliest"
