"""What spark-submit and Databricks start: score stored minutes again.

spark-submit jobs/backfill.py --config conf/databricks.yaml --from 2026-11-01T00:00Z --to 2026-11-02T00:00Z
"""

from __future__ import annotations

from ad_stream.config.job_arguments import parser_of, start
from ad_stream.pipeline.backfill import backfill
from ad_stream.times import day_or_moment

parser = parser_of("Score stored minutes again; what changed becomes the next revision.")
parser.add_argument("--from", dest="start", required=True, metavar="TIME", help="first minute, UTC, or yesterday")
parser.add_argument("--to", dest="end", required=True, metavar="TIME", help="first minute that is left out, or today")

if __name__ == "__main__":
    start(
        parser, lambda config, given: backfill(config, start=day_or_moment(given.start), end=day_or_moment(given.end))
    )
