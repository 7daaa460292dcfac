"""Which versions of `series_config`, `models` and `feedback` a batch knows: the newest at its start, the same when it is repeated.

They travel in the commit that writes the batch's minutes, its first write (`userMetadata`), so that no write
is added. A run looks them up once, for the first batch it meets: only that one can have been begun by an earlier run.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.pipeline.steps import history
from ad_stream.scoring.depth import Depth
from ad_stream.secrets import first_line
from ad_stream.series_config.rows import rules_of
from ad_stream.series_config.rules import Rules
from ad_stream.tables.catalog import MODELS, SERIES_CONFIG
from ad_stream.tables.incidents import FEEDBACK
from ad_stream.tables.schema import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from ad_stream.config import Config, Detection
    from ad_stream.pipeline.batch_state import Batch
    from ad_stream.pipeline.store.delta import DeltaTables

log = logging.getLogger(__name__)
TABLE = SERIES_CONFIG.name
PINNED = (TABLE, MODELS.name, FEEDBACK.name)
"""Tables whose versions a batch's first commit names."""
LOOK_BACK = 200
"""Commits of `minutes` that are searched for a batch: it is among the newest, but backfill and OPTIMIZE write, too."""


@dataclass
class BatchConfig:
    """The rules of the batch at hand; keeps the last ones where the table cannot be read."""

    config: Config
    version: int | None = None
    rules: Rules = field(init=False)
    told: set[str] = field(default_factory=set)
    feedback: int | None = None
    """The version of `feedback` that the batch at hand knows; None: there is none, or it cannot be read."""

    def __post_init__(self) -> None:
        self.rules = rules_of([], self.config.detection)

    @property
    def joint_name(self) -> str:
        """The column `config_version` of joint verdicts: of the section `joint`, with the rules as in `name`."""
        told = json.dumps(self.config.joint.model_dump(mode="json"), sort_keys=True)
        _, at, version = self.name.partition("@")
        return hashlib.sha256(told.encode()).hexdigest()[:12] + at + version

    @property
    def name(self) -> str:
        """The column `config_version`: the run's settings and, where rules stand over them, `@` and their version."""
        ours = self.config.version(*(spec.name for spec in self.rules.named_detectors))
        return f"{ours}@{self.version}" if self.rules.rules or self.rules.refused else ours

    def newest(self, tables: DeltaTables) -> Rules:
        """The rules of the newest version."""
        return self._at(tables, self._newest(tables))

    def of_batch(self, tables: DeltaTables, noted: Mapping[str, Any]) -> Rules:
        """The rules of a batch; `feedback` is the version that belongs to it.

        noted: what its first commit says, if it was begun before.
        """
        self.feedback = self._pinned(tables, FEEDBACK.name, noted)
        return self._at(tables, self._pinned(tables, TABLE, noted))

    def _pinned(self, tables: DeltaTables, table: str, noted: Mapping[str, Any]) -> int | None:
        version = self._newest(tables, table)
        return noted.get(table, version) if version else version

    def _newest(self, tables: DeltaTables, table: str = TABLE) -> int | None:
        try:
            return tables.version(table)
        except Exception as error:  # whatever it is: a table of settings must not stop the stream
            self._tell(f"{table} cannot be read, so what was last known of it stays: {first_line(error)}")
            return self.version if table == TABLE else self.feedback

    def _at(self, tables: DeltaTables, version: int | None) -> Rules:
        if version is None or version == self.version:
            return self.rules
        try:
            rules = rules_of(_rows(tables.read_at(TABLE, version)), self.config.detection)
        except Exception as error:
            self._tell(
                f"{TABLE} at version {version} cannot be read, so its last known rules stay: {first_line(error)}"
            )
            return self.rules
        for sentence in rules.refused:
            self._tell(f"ignored: {sentence}")
        self.version, self.rules = version, rules
        return rules

    def _tell(self, sentence: str) -> None:
        if sentence not in self.told:
            self.told.add(sentence)
            log.warning("%s", sentence)


def pin(batch: Batch) -> None:
    """The rules of this batch, with as much history as they want, and the models; its first commit says which versions."""
    if not batch.tally.minutes:
        return
    state, before = batch.state, Depth.of(batch.state.scorer)
    noted = _noted(batch.tables, batch.query_id, batch.report.batch_id) if state.first_batch else {}
    state.first_batch = False
    state.scorer = state.scorer.under(state.config.of_batch(batch.tables, noted))
    batch.learned = state.models.of_batch(batch.tables, noted, state.scorer)
    known = (state.config.version, state.models.version, state.config.feedback)
    versions = dict(zip(PINNED, known, strict=True))
    batch.tables = replace(batch.tables, notes={"minutes": json.dumps(batch.name | versions)})
    depth = Depth.of(state.scorer)
    if depth.points > before.points or depth.reach > before.reach:
        history.rebuild(batch.tables, depth)


def rules_in(frame: DataFrame, base: Detection) -> Rules:
    """The rules of a DataFrame with the columns of `series_config`."""
    return rules_of(_rows(frame), base)


def rules_at(tables: DeltaTables, version: int | None, base: Detection) -> Rules:
    """The rules at a version of `series_config`, None: the run's own settings alone."""
    return rules_of([] if version is None else _rows(tables.read_at(TABLE, version)), base)


def feedback_rows(tables: DeltaTables, version: int) -> list[dict[str, Any]]:
    """What people had said at a version of `feedback`."""
    return _rows(tables.read_at(FEEDBACK.name, version), FEEDBACK)


def _rows(frame: DataFrame, table: Table = SERIES_CONFIG) -> list[dict[str, Any]]:
    # Spark hands timestamps over in the zone of the driver's machine; numbers have none.
    # A version of the table that is older than a column does not have it: nobody said anything there.
    there = [column for column in table.columns if column.name in frame.columns]
    times = [column.name for column in there if column.type == "timestamp"]
    chosen = [
        F.unix_micros(column.name).alias(column.name) if column.name in times else F.col(column.name)
        for column in there
    ]
    rows = [row.asDict() for row in frame.select(*chosen).collect()]
    return [row | {name: _utc(row[name]) for name in times} for row in rows]


def _utc(micros: int | None) -> datetime | None:
    return None if micros is None else datetime.fromtimestamp(micros / 1e6, timezone.utc)


def _noted(tables: DeltaTables, query_id: str, batch_id: int) -> dict[str, Any]:
    """The versions with which the batch was begun, table -> version; none if nobody began it."""
    for commit in () if tables.is_new("minutes") else tables.history("minutes", LOOK_BACK):
        try:
            note = json.loads(commit["userMetadata"] or "")
            if (note["query_id"], note["batch_id"]) == (query_id, batch_id):
                return {name: int(note[name]) for name in PINNED if note.get(name) is not None}
        except (ValueError, TypeError, KeyError):  # somebody else's commit
            continue
    return {}
