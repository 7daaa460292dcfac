"""What spark-submit and Databricks start once a day: small files put together, old ones removed.

spark-submit jobs/maintain.py --config conf/databricks.yaml
"""

from __future__ import annotations

from ad_stream.config.job_arguments import parser_of, start
from ad_stream.pipeline.operation.maintenance import maintain

parser = parser_of("Put the small files of the tables together and remove old ones.")

if __name__ == "__main__":
    start(parser, lambda config, _: maintain(config))
