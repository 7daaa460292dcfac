"""Which trained version verdicts use: the live one of the table `models`, as it was when the batch was begun.

A version whose bytes are not those that were trained is refused by name, and the newest good one before it goes on; a
table that cannot be read changes nothing, as with `series_config`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.errors import InputError
from ad_stream.pipeline.steps.history import series_id
from ad_stream.tables.catalog import MODELS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ad_stream.pipeline.store.delta import DeltaTables
    from ad_stream.scoring.verdicts import Scorer

log = logging.getLogger(__name__)
TABLE = MODELS.name
JOINT = "joint"


@dataclass(frozen=True)
class Learned:
    """The versions that a batch uses. labels: 'profile@3' by 'profile', a name without a live version has none; blobs: bucket,
    label, blob, sha256, and of joint models model_of (the device) and ids (its signals as windows name them), else null."""

    labels: Mapping[str, str]
    blobs: DataFrame

    @property
    def joint(self) -> str:
        """'joint@2', '' where there is none."""
        return self.labels.get(JOINT, "")


@dataclass
class LiveModels:
    """version: of the table, as the last batch used it; numbers: of each name in it, None where none is live."""

    version: int | None = None
    numbers: dict[str, int | None] = field(default_factory=dict)

    def of_batch(self, tables: DeltaTables, noted: Mapping[str, Any], scorer: Scorer) -> Learned | None:
        """What a batch uses: models that its detectors ask for; noted: what its first commit says, if it was begun before."""
        names = scorer.models | ({JOINT} if scorer.joint is not None else set())
        try:
            version = noted.get(TABLE, tables.version(TABLE))
            if version != self.version or names != self.numbers.keys():
                rows = tables.read_at(TABLE, version)
                self.numbers = {name: _good(rows, name) for name in names}
                self.version = version
        except Exception as error:  # whatever it is: without what was learned the plain rule still judges
            log.warning("the table %s cannot be read, so its last version stays: %s", TABLE, type(error).__name__)
        live = {name: number for name, number in self.numbers.items() if number is not None and name in names}
        if not live or self.version is None:
            return None
        labels = {name: f"{name}@{number}" for name, number in live.items()}
        rows = tables.read_at(TABLE, self.version)
        wanted = [F.concat_ws("@", "name", F.col("version").cast("string")) == label for label in labels.values()]
        return Learned(labels, _blobs(rows.where(reduce(or_, wanted))))


def joint_in(rows: DataFrame) -> Learned:
    """The live joint version of a DataFrame with the columns of `models`; InputError where it holds none."""
    live = rows.where((F.col("name") == JOINT) & (F.col("state") == "live") & F.col("blob").isNotNull())
    newest = live.agg(F.max("version")).first()
    if newest is None or newest[0] is None:
        raise InputError("the models hold no live version of joint: train one (ad-stream train --joint)")
    return Learned({JOINT: f"{JOINT}@{newest[0]}"}, _blobs(live.where(F.col("version") == newest[0])))


def _blobs(rows: DataFrame) -> DataFrame:
    joint = F.col("name") == JOINT
    ids = F.lit(None).cast("array<long>")
    if "signals" in rows.columns:  # a version of the table from before that column has none
        ids = F.transform("signals", lambda signal: series_id(signal))
    return rows.where(F.col("blob").isNotNull()).select(
        F.col("group").cast("int").alias("bucket"), F.when(joint, F.col("device_id")).alias("model_of"),
        F.when(joint, ids).alias("ids"), F.concat_ws("@", "name", F.col("version").cast("string")).alias("label"), "blob", "sha256",
    )  # fmt: skip


def _good(rows: DataFrame, name: str) -> int | None:
    """The live version, else the newest before it whose blobs are whole; each that is not is told."""
    whole = F.coalesce(F.sha2("blob", 256) == F.col("sha256"), F.lit(False))
    seen = rows.where((F.col("name") == name) & F.col("blob").isNotNull()).groupBy("version").agg(
        F.max(F.when(F.col("state") == "live", 1)).alias("live"), F.min(whole.cast("int")).alias("whole"),
        F.max(F.when(F.col("state") != "candidate", 1)).alias("was_live"),
    )  # fmt: skip
    versions = sorted(seen.collect(), key=lambda row: -int(row["version"]))
    live = next((int(row["version"]) for row in versions if row["live"]), None)
    if live is None:
        return None
    for row in versions:
        number = int(row["version"])
        if number <= live and row["was_live"]:
            if row["whole"]:
                return number
            log.error("the model %s@%d is refused: its bytes are not those that were trained (SHA-256)", name, number)
    return None
