"""What spark-submit and Databricks start by a schedule: learn a model from stored windows.

spark-submit jobs/train.py --config conf/databricks.yaml --model seasonal --days 28
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, get_args

from ad_stream.config.job_arguments import parser_of, start
from ad_stream.config.schedules import Model
from ad_stream.pipeline.train import train_series
from ad_stream.pipeline.train_joint import train_joint

if TYPE_CHECKING:
    from ad_stream.config import Config

parser = parser_of("Learn a model from stored windows; streams use it from their next batch on.")
parser.add_argument("--model", required=True, choices=get_args(Model), help="what is learned")
parser.add_argument("--days", required=True, type=float, help="how far back to learn from")
parser.add_argument("--tau", type=float, help="of seasonal: how much the trend may bend")
parser.add_argument("--candidate", action="store_true", help="store it, but do not use it yet")


def work(config: Config, given: argparse.Namespace) -> Any:
    """Its summary."""
    if given.model == "joint":
        return train_joint(config, days=given.days, live=not given.candidate)
    options = {} if given.tau is None else {"tau": given.tau}
    return train_series(config, given.model, days=given.days, live=not given.candidate, options=options)


if __name__ == "__main__":
    start(parser, work)
