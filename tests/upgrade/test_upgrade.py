"""What an earlier version wrote goes on: the stream from its checkpoint, the tables, the configuration version."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ad_stream.pipeline.backfill import backfill
from ad_stream.pipeline.operation.earlier_bodies import EARLIER
from ad_stream.pipeline.run import run
from tests.support.compare import KEYS, SAME, difference, read
from tests.upgrade.conftest import all_of_it, unpacked

DAY: dict[str, Any] = {
    "start": datetime(2026, 11, 1, 22, 30, tzinfo=timezone.utc),
    "end": datetime(2026, 11, 2, 0, 30, tzinfo=timezone.utc),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["stopped", pytest.param("killed", marks=pytest.mark.soak)])
def test_a_stream_goes_on_from_the_checkpoint_of_the_version_before(
    version: str, name: str, spark: Any, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    went_on, anew = unpacked(version, name, old), unpacked(version, name, new)
    all_of_it(old)
    all_of_it(new)
    fresh = anew.with_tables_under(new / "anew")
    (new / "tables" / "series_config").rename(_made(new / "anew" / "tables") / "series_config")
    # New tables are read by other rules of bodies unless the settings say so.
    fresh = fresh.model_copy(update={"telemetry": fresh.telemetry.model_copy(update=EARLIER)})
    for config in (went_on, fresh):
        run(config, spark=spark)
    found = {table: difference(_verdicts(old, table), _verdicts(new / "anew", table), table) for table in KEYS}
    assert found == SAME


def test_a_backfill_with_unchanged_settings_writes_nothing_after_the_upgrade(
    version: str, spark: Any, tmp_path: Path
) -> None:
    summary = backfill(unpacked(version, "stopped", tmp_path), spark=spark, **DAY)
    assert summary.minutes_judged > 600
    assert (summary.minutes_revised, summary.verdicts_revised) == (0, 0)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _verdicts(folder: Path, table: str) -> pd.DataFrame:
    """What the stream itself wrote; the folder of the input and the name of the settings differ between versions."""
    rows = read(folder / "tables", table)
    rows = rows[rows["revision"] == 0] if "revision" in rows else rows
    # Why a message was rejected is told of rows that were written since the upgrade only.
    return rows.drop(columns=["config_version", "detail"], errors="ignore").assign(
        **{"source": ""} if "source" in rows else {}
    )
