"""The section `source` of kind landing."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from ad_stream.durations import Duration
from ad_stream.sources.contract import SourceSettings


class LandingSource(SourceSettings):
    """A named source (section `sources`) that the run itself lands as Parquet files in the folder `path`, a range of time a
    file, and reads from there.

    from: the name of the source. every: how often it is asked. longest: range of one file, for what lies back. start:
    earliest, latest or the time at which an empty folder begins. files_per_trigger: not set, all there are.
    """

    kind: Literal["landing"]
    origin: str = Field(alias="from")
    path: str = Field(min_length=1)
    every: Duration = timedelta(minutes=1)
    longest: Duration = Field(default=timedelta(days=1), gt=timedelta(0))
    files_per_trigger: int | None = Field(default=None, ge=1)
