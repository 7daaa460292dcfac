"""Which trained version verdicts use: the live one of the table `models`, as it was when the batch was begun.

A version whose bytes are not those that were trained is refused by name, and the newest good one before it goes on; a
table that cannot be read changes nothing, as with `series_config`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.tables.catalog import MODELS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ad_stream.pipeline.store.delta import DeltaTables

log = logging.getLogger(__name__)
TABLE = MODELS.name
PROFILE = "profile"


@dataclass(frozen=True)
class Learned:
    """One version of a model. label: 'profile@3'; blobs: bucket, blob, sha256."""

    label: str
    blobs: DataFrame


@dataclass
class LiveModels:
    """version: of the table, as the last batch used it; number: of the profile in it, None where none is live."""

    version: int | None = None
    number: int | None = None

    def of_batch(self, tables: DeltaTables, noted: Mapping[str, Any]) -> Learned | None:
        """The profile that a batch uses; noted: what its first commit says, if it was begun before."""
        try:
            version = noted.get(TABLE, tables.version(TABLE))
            if version != self.version:
                self.number = _good(tables.read_at(TABLE, version).where(F.col("name") == PROFILE))
                self.version = version
        except Exception as error:  # whatever it is: without what was learned the plain rule still judges
            log.warning("the table %s cannot be read, so its last version stays: %s", TABLE, type(error).__name__)
        if self.number is None or self.version is None:
            return None
        rows = tables.read_at(TABLE, self.version).where(
            (F.col("name") == PROFILE) & (F.col("version") == self.number) & F.col("blob").isNotNull()
        )
        return Learned(
            f"{PROFILE}@{self.number}", rows.select(F.col("group").cast("int").alias("bucket"), "blob", "sha256")
        )


def _good(rows: DataFrame) -> int | None:
    """The live version, else the newest before it whose blobs are whole; each that is not is told."""
    whole = F.coalesce(F.sha2("blob", 256) == F.col("sha256"), F.lit(False))
    seen = rows.where(F.col("blob").isNotNull()).groupBy("version").agg(
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
            log.error(
                "the model %s@%d is refused: its bytes are not those that were trained (SHA-256)", PROFILE, number
            )
    return None
