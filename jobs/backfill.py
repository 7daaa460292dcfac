"""What spark-submit and Databricks start: score stored minutes again.

spark-submit jobs/backfill.py --config conf/databricks.yaml --from 2026-11-01T00:00Z --to 2026-11-02T00:00Z
"""

from __future__ import annotations

import argparse
import sys

from ad_stream import config
from ad_stream.arguments import moment, overrides
from ad_stream.errors import AdStreamError
from ad_stream.pipeline.backfill import backfill

parser = argparse.ArgumentParser(description="Score stored minutes again; what changed becomes the next revision.")
parser.add_argument("--config", required=True)
parser.add_argument("--from", dest="start", required=True, metavar="TIME", help="first minute, UTC")
parser.add_argument("--to", dest="end", required=True, metavar="TIME", help="first minute that is left out")
parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting over the file's")

if __name__ == "__main__":
    arguments = parser.parse_args()
    try:
        settings = config.load(arguments.config, overrides(arguments.set))
        print(backfill(settings, start=moment(arguments.start), end=moment(arguments.end)).sentence())
    except AdStreamError as error:
        print(f"jobs/backfill.py: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
