"""What a batch and its steps share: the batch at hand, what is remembered between batches, the report of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ad_stream.pipeline.steps.history_copies import HistoryCopies
from ad_stream.pipeline.store.delta import Earlier
from ad_stream.pipeline.store.learned import LiveModels
from ad_stream.tables.catalog import BATCHES

if TYPE_CHECKING:
    import numpy as np
    from pyspark.sql import DataFrame

    from ad_stream.config import Config
    from ad_stream.pipeline.delivery import Deliver
    from ad_stream.pipeline.steps.config_version import BatchConfig
    from ad_stream.pipeline.steps.fallback import FallbackScorer
    from ad_stream.pipeline.steps.incidents import OpenIncidents
    from ad_stream.pipeline.steps.new_series import TakenOn
    from ad_stream.pipeline.store.delta import DeltaTables
    from ad_stream.pipeline.store.learned import Learned
    from ad_stream.pipeline.store.set_aside import SetAside
    from ad_stream.scoring.verdicts import Scorer

Series = tuple[str, str]


@dataclass(frozen=True)
class Tally:
    """What a batch holds, counted once. quarantined: by reason, examples: what one row of a reason rests on; series:
    `history.series_id` of its good windows, first_judged: the first of these (`first`, where there is none); off: least and most
    seconds that times rejected for being late or in the future are ahead of the hub's."""

    first: datetime
    last: datetime
    minutes: int
    late: int
    quarantined: dict[str, int]
    series: np.ndarray
    first_judged: datetime
    examples: dict[str, str] = field(default_factory=dict)
    off: tuple[int, int] | None = None


@dataclass
class BatchReport:
    """What a batch did: a row of `batches`, and what the run tells while it goes on.

    counts: the columns of `batches` that add up; first, last: its windows (UTC); reasons: rejected messages by reason;
    examples: of a reason, what it rests on in one of them; off: as in Tally.
    """

    batch_id: int
    first: datetime | None = None
    last: datetime | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    duration_ms: int = 0
    cpu_seconds: float | None = None
    scoring_seconds: float = 0.0
    examples: dict[str, str] = field(default_factory=dict)
    off: tuple[int, int] | None = None

    def row(self) -> dict[str, Any]:
        """The columns of `batches`, without those that name the batch."""
        names = [name for name in BATCHES.names if name not in BATCHES.key]
        return {name: getattr(self, name) if hasattr(self, name) else self.counts[name] for name in names}


@dataclass(frozen=True)
class Unread:
    """A batch that failed before its rows existed."""

    batch_id: int
    error: Exception


@dataclass
class BatchState:
    """What is remembered from batch to batch, and where a restart finds it again.

    scorer       settings of the newest batch         `series_config` at the version that the batch's first commit names
    config       which version that is                the same
    first_batch  none was pinned since the start      each start begins with one
    begun        newest batch that was begun here     nowhere: the next one may be a repetition
    sole_writer  no other query holds rows from the   the query ids in `minutes`, `detections`, `quarantine`, `late`
                 current window on
    flags        latest flag of each series, as far   `detections`
                 back as `refractory`; None: unread
    set_aside    steps that an earlier start gave up  `set_aside`
    known_series series that were taken on            `series`; None: unread
    models       which version of `models` that is    the same
    copies       which copies of `history` workers    `history`
                 may have
    maintained   hour of the last maintenance         nowhere: an hour later it is done again
    thinned_to   hour before which `history` holds    nowhere: what is left to do lies near the next batch
                 slow series only
    incidents    open incidents, who is silent        `incident_state` and `detections` since; None: unread
    unread       the batch that failed before its     nowhere: it fails again
                 rows existed
    """

    scorer: Scorer
    config: BatchConfig
    set_aside: SetAside
    models: LiveModels = field(default_factory=LiveModels)
    first_batch: bool = True
    begun: int | None = None
    sole_writer: bool = False
    flags: dict[Series, datetime] | None = None
    copies: HistoryCopies = field(default_factory=HistoryCopies)
    maintained: datetime | None = None
    thinned_to: datetime | None = None
    incidents: OpenIncidents | None = None
    known_series: TakenOn | None = None
    unread: Unread | None = None

    def begin(self, batch_id: int) -> Earlier:
        """Note that a batch begins; -> how its appends learn of earlier ones."""
        first_try = self.begun is not None and batch_id > self.begun
        self.begun = batch_id
        return Earlier.NONE if first_try else Earlier.ROWS


@dataclass
class Batch:
    """One batch on its way through the steps.

    groups: what Spark hands over; closed: its closed windows, once a step has made them; learned: the model that its verdicts
    use; stored: whether they are in `minutes`. Without closed windows no verdict is given, without a stored window neither.
    verdicts: once they are given, counted what they are; joint: the joint ones, where a model is live; compared: those of
    `detection.compare`, where it names detectors. surplus: series whose windows are left out, where there are some.
    """

    config: Config
    tables: DeltaTables
    state: BatchState
    deliver: Deliver
    fallback: FallbackScorer | None
    query_id: str
    groups: DataFrame
    tally: Tally
    report: BatchReport
    closed: DataFrame | None = None
    learned: Learned | None = None
    stored: bool = False
    surplus: DataFrame | None = None
    verdicts: DataFrame | None = None
    joint: DataFrame | None = None
    compared: DataFrame | None = None
    counted: dict[str, int] = field(default_factory=dict)
    held: list[DataFrame] = field(default_factory=list)

    @property
    def name(self) -> dict[str, Any]:
        """How appends name the batch."""
        return {"query_id": self.query_id, "batch_id": self.report.batch_id}

    def write(self, table: str, rows: int, work: Callable[[], None]) -> bool:
        """Do one write of the batch; -> whether it is done, False where its rows were set aside for their data."""
        return self.state.set_aside(self, table, rows, work)

    def hold(self, rows: DataFrame) -> DataFrame:
        """Let Spark keep what it computes of these rows until the batch ends."""
        self.held.append(rows.persist())
        return rows

    def release(self) -> None:
        """Spark need not keep them any more."""
        for rows in self.held:
            rows.unpersist()
