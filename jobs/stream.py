"""What spark-submit and Databricks start: the stream of a configuration.

spark-submit jobs/stream.py --config conf/databricks.yaml [--set detection.sensitivity=90]
"""

from __future__ import annotations

import argparse
import sys

from ad_stream import config
from ad_stream.arguments import overrides
from ad_stream.errors import AdStreamError
from ad_stream.pipeline.run import run

parser = argparse.ArgumentParser(description="Run the stream of a configuration.")
parser.add_argument("--config", required=True)
parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting over the file's")

if __name__ == "__main__":
    arguments = parser.parse_args()
    try:
        print(run(config.load(arguments.config, overrides(arguments.set))).sentence())
    except AdStreamError as error:
        print(f"jobs/stream.py: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
