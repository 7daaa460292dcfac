"""What spark-submit and Databricks start: score stored minutes again.

spark-submit jobs/backfill.py --config conf/databricks.yaml --from 2026-11-01T00:00Z --to 2026-11-02T00:00Z
"""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ad_stream import times
from ad_stream.config.job_arguments import parser_of, start
from ad_stream.durations import parse_duration
from ad_stream.errors import InputError
from ad_stream.pipeline.backfill import backfill
from ad_stream.times import day_or_moment

if TYPE_CHECKING:
    from ad_stream.config import Config

parser = parser_of("Score stored minutes again; what changed becomes the next revision.")
parser.add_argument("--from", dest="start", metavar="TIME", help="first minute, UTC, or yesterday")
parser.add_argument("--to", dest="end", metavar="TIME", help="first minute that is left out, or today; else now")
parser.add_argument("--last", metavar="DURATION", help="in place of --from: so far back from --to, such as '1 hour'")


def span_of(given: argparse.Namespace, now: datetime) -> tuple[datetime, datetime]:
    """What is judged again; InputError where it is said twice or not at all."""
    if (given.start is None) == (given.last is None):
        raise InputError("say with --from where to begin, or with --last how far back")
    end = now if given.end is None else day_or_moment(given.end)
    try:
        return (day_or_moment(given.start) if given.last is None else end - parse_duration(given.last)), end
    except ValueError as error:
        raise InputError(f"--last {given.last!r}: {error}") from None


def work(config: Config, given: argparse.Namespace) -> Any:
    """Its summary."""
    first, end = span_of(given, times.now())
    return backfill(config, start=first, end=end)


if __name__ == "__main__":
    start(parser, work)
