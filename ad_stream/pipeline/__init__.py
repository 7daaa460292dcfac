"""The Spark side: sources -> telemetry -> windows -> history -> scoring -> tables, run by `run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def detect(df: DataFrame, **options: Any) -> DataFrame:
    """Judge every window of every device in a Spark DataFrame; see ad_stream.pipeline.spark_api."""
    from ad_stream.pipeline.spark_api import detect as door

    return door(df, **options)


def detect_joint(df: DataFrame, models: DataFrame, **options: Any) -> DataFrame:
    """Judge the signals of each device of a Spark DataFrame together; see ad_stream.pipeline.spark_api."""
    from ad_stream.pipeline.spark_api import detect_joint as door

    return door(df, models, **options)
