"""Training from stored windows: one pass over `minutes`, a bucket of devices a task, one commit to `models`.

Delivery: the rows of a version are appended in one commit, so no half version is ever there; it is made live in a second
one. Killed before that, the version before goes on and the new one stays a candidate. May run beside the stream.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import functions as F

from ad_stream import times
from ad_stream.errors import InputError
from ad_stream.models.kinds import KINDS
from ad_stream.models.learning import learn_bucket, series_of
from ad_stream.models.stored import choice
from ad_stream.pipeline.operation.failure import told_in_a_sentence
from ad_stream.pipeline.operation.session import session
from ad_stream.pipeline.steps.history import BUCKETS, part_of, span
from ad_stream.pipeline.steps.scoring import frame_of, step
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.pipeline.store.learned import JOINT, TABLE
from ad_stream.series_config.patterns import ANY, NameList
from ad_stream.tables.catalog import MODELS
from ad_stream.tables.schema import plain_ddl

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, GroupedData, SparkSession

    from ad_stream.config import Config
    from ad_stream.model import Bools

LEARNED = ("group", "device_id", "state", "reason", "rows", "figures", "seconds", "format", "blob", "sha256")
"""The columns that a bucket fills."""
SPACE = uuid.UUID("6f0c3a53-6a52-4a3f-9a6f-3d1d8a1f5a11")
"""Makes `model_id` of name, version and group."""


@dataclass
class Training:
    """What a training did; too_short: series with less than four days of readings; failed: those with a row of their own; refused:
    devices whose joint model would flag its own training days too often."""

    name: str
    version: int
    state: str
    first: datetime
    last: datetime
    rows: int = 0
    series: int = 0
    learned: int = 0
    too_short: int = 0
    failed: int = 0
    refused: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: times as ISO text in UTC."""
        return asdict(self) | {"first": times.iso(self.first), "last": times.iso(self.last)}

    def sentence(self) -> str:
        """What the training says on exit."""
        kind, refused = ("devices", f", {self.refused} were refused") if self.name == JOINT else ("series", "")
        return (
            f"{self.name}@{self.version} ({self.state}): learned {self.learned} of {self.series} {kind} from {self.rows} windows, "
            f"{self.first:%Y-%m-%d %H:%M} to {self.last:%Y-%m-%d %H:%M} UTC; {self.too_short} have too little history, "
            f"{self.failed} failed{refused} (see the table {TABLE})"
        )


@told_in_a_sentence("the training stopped")
def train_series(
    config: Config, name: str, *, days: float = 14, until: datetime | None = None, live: bool = True,
    devices: Sequence[str] = (ANY,), options: Mapping[str, Any] | None = None, spark: SparkSession | None = None,
    now: Callable[[], datetime] = times.now,
) -> Training:  # fmt: skip
    """Learn a model of single series (`models.kinds.KINDS`) from the last `days` of stored windows before `until` (UTC; None: all
    there are).

    live: use it from the next batch on, else it waits as a candidate; devices: patterns, one of which fits; options: of the fit.
    Raises InputError where nothing is stored.
    """
    tables, rows = stored_windows(config, days, until, spark)
    chosen = dict(options or {})
    parameters = {"days": days, "devices": list(devices), **chosen}
    learned = _learned(rows, tables, name, devices, chosen)
    return trained(tables, name, rows, learned, parameters, now(), live=live)


def stored_windows(
    config: Config, days: float, until: datetime | None, spark: SparkSession | None
) -> tuple[DeltaTables, DataFrame]:
    """The tables, and the last `days` of rows of `minutes` before `until`; InputError where there are none."""
    tables = DeltaTables(spark or session("files", config.spark), config.tables, grid=config.minutes.grid)
    tables.create()
    rows = tables.read("minutes").where("revision = 0")
    rows = rows if until is None else rows.where(F.col("minute") < F.lit(until))
    newest = span(rows)[1]
    if newest is None:
        raise InputError(f"no windows are stored in {tables.place()}: run the stream first")
    return tables, rows.where(F.col("minute") > F.lit(newest - timedelta(days=days)))


def by_bucket(rows: DataFrame, tables: DeltaTables) -> GroupedData:
    """Rows of `minutes` -> their names, numbers of windows and values, the devices of a bucket together."""
    return rows.select(
        "device_id", "signal", step("minute", tables.grid).alias("step"), "value", part_of(BUCKETS).alias("bucket")
    ).groupBy("bucket")


def trained(
    tables: DeltaTables, name: str, rows: DataFrame, learned: DataFrame, parameters: dict[str, Any], at: datetime, *, live: bool
) -> Training:  # fmt: skip
    """Append what was learned of the rows as the next version of a name, and make it live where that is wanted."""
    first, newest = span(rows)
    done = Training(name, _next_version(tables, name), "candidate", first or at, newest or at)
    tables.append_unnamed(TABLE, _named(learned, done, parameters, at))
    _count(tables, done)
    if live and done.learned:
        activate(tables, done.name, done.version)
        done.state = "live"
    return done


def activate(tables: DeltaTables, name: str, version: int | None) -> None:
    """Make a version live and retire the live one, in one commit; None: retire it and go on without.

    Raises InputError where there is no such version.
    """
    mine = tables.read(TABLE).where((F.col("name") == name) & F.col("blob").isNotNull())
    if version is not None and not mine.where(F.col("version") == version).limit(1).count():
        raise InputError(
            f"there is no model {name}@{version} in {tables.place()}: 'ad-stream models list' shows what there is"
        )
    state, condition = choice(name, version)
    tables.spark.sql(f"UPDATE {tables.name(TABLE)} SET state = {state} WHERE {condition}")


def _next_version(tables: DeltaTables, name: str) -> int:
    row = tables.read(TABLE).where(F.col("name") == name).agg(F.max("version")).first()
    return 1 + int((row[0] if row else None) or 0)


def _learned(
    rows: DataFrame, tables: DeltaTables, name: str, devices: Sequence[str], options: dict[str, Any]
) -> DataFrame:
    """Rows of `minutes` -> the columns LEARNED, the rows of each bucket together."""
    schema, seconds = plain_ddl(MODELS[column] for column in LEARNED), tables.grid.seconds

    def of_bucket(key: Any, windows: Any) -> Any:
        windows = windows[fits(windows["device_id"].to_numpy(dtype=object), devices)]
        series, codes = series_of(windows["device_id"].to_numpy(dtype=object), windows["signal"].to_numpy(dtype=object))
        steps, values = windows["step"].to_numpy(dtype=np.int64), windows["value"].to_numpy(dtype=np.float64)
        learned = learn_bucket(
            str(key[0]), series, codes, steps, values, kind=KINDS[name], step_seconds=seconds, options=options
        )
        return frame_of(learned, LEARNED)

    return by_bucket(rows, tables).applyInPandas(of_bucket, schema)


def fits(names: NDArray[np.object_], patterns: Sequence[str]) -> Bools:
    """(n,) names -> those that one of the patterns fits."""
    known, found = NameList(names), np.zeros(len(names), dtype=np.bool_)
    for pattern in patterns:
        found |= known.matching(pattern)
    return found


def _named(rows: DataFrame, done: Training, parameters: dict[str, Any], at: datetime) -> DataFrame:
    """With the columns that name, version and span fill."""
    identity = F.udf(lambda group: str(uuid.uuid5(SPACE, f"{done.name}/{done.version}/{group}")))
    group = F.concat_ws("/", "group", "device_id") if done.name == JOINT else F.col("group")
    missing = {column: F.lit(None).cast(MODELS[column].type) for column in ("signals",) if column not in rows.columns}
    return rows.withColumns(missing).withColumns({
        "name": F.lit(done.name), "kind": F.lit(done.name), "version": F.lit(done.version).cast("long"),
        "model_id": identity(group), "trained": F.lit(at), "trained_on": F.lit("minutes"),
        "first": F.lit(done.first), "last": F.lit(done.last), "parameters": F.lit(json.dumps(parameters)),
    })  # fmt: skip


def _count(tables: DeltaTables, done: Training) -> None:
    mine = (F.col("name") == done.name) & (F.col("version") == done.version) & F.col("figures").isNotNull()
    for row in tables.read(TABLE).where(mine).select("rows", "figures").collect():
        done.rows += row["rows"]
        figures = json.loads(row["figures"])
        for name in ("series", "learned", "too_short", "failed", "refused"):
            setattr(done, name, getattr(done, name) + figures.get(name, 0))
