"""What tables of one append a minute need once a day: small files put together, files that nobody reads any more gone.

May run beside the stream: it only appends, and what is put together holds the same rows. Files go once they are older
than their table keeps them (seven days, and an hour for what serves the stream alone), so that a reader that is
still at an earlier version finds them. On Databricks predictive optimization does the same for managed tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ad_stream.pipeline.operation.session import session
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.tables import views
from ad_stream.tables.catalog import HISTORY, OWNER, TABLES
from ad_stream.tables.incidents import INCIDENT_STATE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from ad_stream.config import Config


@dataclass
class Maintenance:
    """Files that OPTIMIZE took out of each table, and those it put in their place."""

    removed: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)

    def sentence(self) -> str:
        """What the maintenance says on exit."""
        done = [f"{table} {n} files into {self.added[table]}" for table, n in self.removed.items() if n]
        return f"put together: {', '.join(done) or 'nothing, all files were large enough'}; old files of all tables removed"


def maintain(
    config: Config, *, progress: Callable[[str], None] | None = None, spark: SparkSession | None = None
) -> Maintenance:
    """OPTIMIZE what grows, VACUUM all, make the views of a schema anew; -> what it did."""
    spark = spark or session("files", config.spark)
    tables = DeltaTables(spark, config.tables, grid=config.minutes.grid)
    tables.create()
    tell = progress or (lambda _: None)
    summary = Maintenance()
    for table in TABLES:
        tell(table)
        # The stream itself tidies what serves it alone; a second hand there would only be in its way.
        if table not in (HISTORY.name, OWNER.name, INCIDENT_STATE.name):
            row = spark.sql(f"OPTIMIZE {tables.name(table)}").select("metrics.*").first()
            if row is not None:
                summary.removed[table], summary.added[table] = row["numFilesRemoved"], row["numFilesAdded"]
        spark.sql(f"VACUUM {tables.name(table)}").count()
    if config.tables.path is None:
        for statement in views.statements(config.tables, replace=True, grid=config.minutes.grid):
            spark.sql(statement)
    return summary
