"""What spark-submit and Databricks start: the stream of a configuration.

spark-submit jobs/stream.py --config conf/databricks.yaml [--set detection.sensitivity=90]
"""

from __future__ import annotations

from ad_stream.config.job_arguments import parser_of, start
from ad_stream.pipeline.run import run

parser = parser_of("Run the stream of a configuration.")

if __name__ == "__main__":
    start(parser, lambda config, _: run(config))
