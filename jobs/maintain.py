"""What spark-submit and Databricks start once a day: small files put together, old ones removed.

spark-submit jobs/maintain.py --config conf/databricks.yaml
"""

from __future__ import annotations

import argparse
import sys

from ad_stream import config
from ad_stream.arguments import overrides
from ad_stream.errors import AdStreamError
from ad_stream.pipeline.maintenance import maintain

parser = argparse.ArgumentParser(description="Put the small files of the tables together and remove old ones.")
parser.add_argument("--config", required=True)
parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting over the file's")

if __name__ == "__main__":
    arguments = parser.parse_args()
    try:
        print(maintain(config.load(arguments.config, overrides(arguments.set))).sentence())
    except AdStreamError as error:
        print(f"jobs/maintain.py: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
