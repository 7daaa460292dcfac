"""Joint models from stored windows: one pass over `minutes`, the devices of a bucket in a task, one commit to `models`.

Delivery: as the training of profiles, `pipeline.train`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream import times
from ad_stream.models.joint import TrainingRules, learn_devices
from ad_stream.pipeline.operation.failure import told_in_a_sentence
from ad_stream.pipeline.steps.scoring import frame_of
from ad_stream.pipeline.store.learned import JOINT
from ad_stream.pipeline.train import LEARNED, Training, by_bucket, fits, stored_windows, trained
from ad_stream.tables.catalog import MODELS
from ad_stream.tables.schema import plain_ddl

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from ad_stream.config import Config
    from ad_stream.pipeline.store.delta import DeltaTables

COLUMNS = (*LEARNED, "signals")


@told_in_a_sentence("the training stopped")
def train_joint(
    config: Config, *, days: float = 14, until: datetime | None = None, live: bool = True, spark: SparkSession | None = None,
    now: Callable[[], datetime] = times.now,
) -> Training:  # fmt: skip
    """Learn how the signals of each device hang together from the last `days` of stored windows before `until`.

    live: use the models from the next batch on, unless no device has one. Settings: the section `joint`, on or off. Raises
    InputError where nothing is stored.
    """
    tables, rows = stored_windows(config, days, until, spark)
    parameters = {"days": days, **config.joint.model_dump(mode="json", exclude={"enabled", "top"})}
    return trained(tables, JOINT, rows, _learned(rows, tables, config), parameters, now(), live=live)


def _learned(rows: DataFrame, tables: DeltaTables, config: Config) -> DataFrame:
    """Rows of `minutes` -> the columns COLUMNS, a row a device."""
    settings = config.joint
    devices, ignore = list(settings.devices), list(settings.ignore)
    rules = TrainingRules(tables.grid.seconds, settings.threshold, settings.most_flags_a_day)

    def of_bucket(key: Any, windows: Any) -> Any:
        names = [windows[name].to_numpy(dtype=object) for name in ("device_id", "signal")]
        wanted = fits(names[0], devices) & ~fits(names[1], ignore)
        windows, names = windows[wanted], [one[wanted] for one in names]
        steps, values = windows["step"].to_numpy(dtype=np.int64), windows["value"].to_numpy(dtype=np.float64)
        return frame_of(learn_devices(str(key[0]), names[0], names[1], steps, values, rules), COLUMNS)

    return by_bucket(rows, tables).applyInPandas(of_bucket, plain_ddl(MODELS[name] for name in COLUMNS))
