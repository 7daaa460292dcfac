"""The Spark door for people: a DataFrame of readings in, the stream's verdicts out. No tables, no checkpoint."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.config import AGGREGATES, parse_detection, parse_joint
from ad_stream.durations import parse_duration
from ad_stream.errors import ConfigError, InputError
from ad_stream.grid import DEFAULT, Grid
from ad_stream.pipeline.steps.clock import window_start
from ad_stream.pipeline.steps.config_version import rules_in
from ad_stream.pipeline.steps.history import pack
from ad_stream.pipeline.steps.joint_scoring import joint_rows
from ad_stream.pipeline.steps.scoring import score
from ad_stream.pipeline.steps.windows import aggregate
from ad_stream.pipeline.store.learned import joint_in
from ad_stream.scoring.joint_windows import JointRules
from ad_stream.scoring.verdicts import Scorer
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.schema import VERDICT

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

COLUMNS = ("device_id", "signal", "minute", *DETECTIONS.named(VERDICT))


def detect(
    df: DataFrame, *, device: str | None = "device", time: str = "timestamp", value: str = "value", signal: str | None = None,
    aggregate_by: str = "max", every: str | float | timedelta = DEFAULT, series_config: DataFrame | None = None, **detection: object,
) -> DataFrame:  # fmt: skip
    """Judge every window of every device from its own past, as the stream does.

    df: readings or windows, any order, one row each: device (None: all rows are one device), time (timestamp), value
    (a number), and `signal` if one column holds several. Readings of one window are aggregated (`aggregate_by`: max,
    min, mean, last, sum, count); every: its length, as `minutes.every`: '10 seconds' to '1 day'. `detection`: settings
    of the section `detection`, such as sensitivity=90; `series_config`: rows of that table, which stand over them series
    by series.
    -> the columns of the table `detections` without its bookkeeping, lazily; one row per device, signal and window.
    Raises InputError for a missing column, ConfigError for a wrong setting.
    """
    settings = parse_detection(detection)
    grid = _grid(every)
    scorer = Scorer.of(settings, grid=grid)
    scorer = scorer if series_config is None else scorer.under(rules_in(series_config, settings))
    rows = windows_of(df, device=device, time=time, value=value, signal=signal, kind=_kind(aggregate_by), grid=grid)
    nothing_before = pack(rows.where(F.lit(False)))
    verdicts = score(rows.withColumn("flagged", F.lit(None).cast("timestamp")), nothing_before, scorer)
    return verdicts.select(*COLUMNS)


def detect_joint(
    df: DataFrame, models: DataFrame, *, device: str | None = "device", time: str = "timestamp", value: str = "value",
    signal: str = "signal", aggregate_by: str = "max", every: str | float | timedelta = DEFAULT, threshold: float | None = None,
    top: int | None = None, series_config: DataFrame | None = None, **detection: object,
) -> DataFrame:  # fmt: skip
    """Judge the signals of each device together in every window, as the stream does with the section `joint` on.

    df: as `detect` takes it, with a column `signal`. models: rows of the table `models`, whose live version of joint judges;
    devices without a model give no rows. threshold, top: those of the section `joint`.
    -> the columns of the table `joint_detections` without its bookkeeping, lazily; one row per device and window.
    Raises InputError for a missing column or model, ConfigError for a wrong setting.
    """
    settings = parse_detection(detection)
    given = {name: one for name, one in (("threshold", threshold), ("top", top)) if one is not None}
    grid = _grid(every)
    scorer = Scorer.of(settings, grid=grid, joint=JointRules.of(parse_joint({**given, "enabled": True}), grid))
    scorer = scorer if series_config is None else scorer.under(rules_in(series_config, settings))
    rows = windows_of(df, device=device, time=time, value=value, signal=signal, kind=_kind(aggregate_by), grid=grid)
    unflagged = rows.withColumn("flagged", F.lit(None).cast("timestamp"))
    return joint_rows(score(unflagged, pack(rows.where(F.lit(False))), scorer, learned=joint_in(models))).drop("step")


def windows_of(
    df: DataFrame, *, device: str | None, time: str, value: str, signal: str | None, kind: str, grid: Grid
) -> DataFrame:  # fmt: skip
    """Readings -> device_id, signal, minute, value."""
    for name in (device, time, value, signal):
        if name is not None and name not in df.columns:
            raise InputError(f"the frame has no column {name!r}: its columns are {', '.join(df.columns)}")
    named = df.select(
        (F.lit("") if device is None else F.col(device).cast("string")).alias("device_id"),
        (F.lit(value) if signal is None else F.col(signal).cast("string")).alias("signal"),
        _tried(time, "timestamp").alias("event_time"),
        _tried(value, "double").alias("x"),
        F.lit(0).alias("sequence"),
    )
    finite = named.where(F.expr("abs(x) < double('infinity')") & F.col("event_time").isNotNull())
    grouped = finite.groupBy("device_id", "signal", window_start("event_time", grid.seconds).alias("minute"))
    return grouped.agg(aggregate(F.col("x"), kind).alias("value"))


def _kind(aggregate_by: str) -> str:
    if aggregate_by not in AGGREGATES:
        raise ConfigError(f"aggregate_by is {aggregate_by!r}: give one of {', '.join(AGGREGATES)}")
    return aggregate_by


def _grid(every: str | float | timedelta) -> Grid:
    try:
        return Grid.of(parse_duration(every))
    except ValueError as error:
        raise ConfigError(f"every is {every!r}: {str(error).partition(': ')[2] or error}") from None


def _tried(name: str, kind: str) -> Column:
    """A column as another type, null where it is none; a plain cast of Spark 4 would fail for one bad text."""
    return F.expr(f"try_cast(`{name.replace('`', '``')}` as {kind})")
