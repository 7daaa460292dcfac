"""Damage at the storage: a table deleted, a torn log, a damaged data file, half a checkpoint, a place that takes no file.

Each run goes on where that is possible, else it ends in a sentence with a way out, and taking that way it goes on. No
damage may end in silence, a page of Java, or rows that are wrong.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ad_stream.config import load
from ad_stream.errors import AdStreamError
from tests.faults.conftest import finish, half, settings
from tests.support.compare import SAME, differences

pytestmark = pytest.mark.soak
Change = Callable[[Path], None]


def newest(folder: Path, pattern: str) -> Path:
    return max(folder.rglob(pattern), key=lambda path: (path.stem, path.stat().st_mtime))


def tear(path: Path) -> None:
    """As a power cut leaves a file: half of it."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garble(path: Path) -> None:
    """As a failing disk leaves a file: as long as it was, and nonsense."""
    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
    path.write_bytes(b"\x55" * path.stat().st_size)


def torn_log(table: str) -> Change:
    return lambda run: tear(newest(run / "tables" / table / "_delta_log", "*.json"))


def lost_log(table: str) -> Change:
    def lose(run: Path) -> None:
        commits = sorted((run / "tables" / table / "_delta_log").glob("*.json"))
        commits[len(commits) // 2].unlink()

    return lose


def damaged(table: str) -> Change:
    def damage(run: Path) -> None:
        for path in (run / "tables" / table).rglob("*.parquet"):
            garble(path)

    return damage


def deleted(table: str) -> Change:
    return lambda run: shutil.rmtree(run / "tables" / table)


def empty_offsets(run: Path) -> None:
    newest(run / "checkpoint" / "offsets", "[0-9]*").write_bytes(b"")


def lost_state(run: Path) -> None:
    newest(run / "checkpoint" / "state", "*.delta").unlink()


def lost_metadata(run: Path) -> None:
    (run / "checkpoint" / "metadata").unlink()


def lost_commits(run: Path) -> None:
    shutil.rmtree(run / "checkpoint" / "commits")


def without(*names: str) -> Change:
    """The way out: these folders of the run deleted."""

    def remove(run: Path) -> None:
        for name in names:
            shutil.rmtree(run / name)

    return remove


@dataclass(frozen=True)
class Case:
    """What is damaged, what the run says (None: it goes on), the way out that it names, and which tables then miss rows."""

    damage: Change
    sentence: str | None = None
    way_out: Change | None = None
    lossy: frozenset[str] = frozenset()


FILE = r"a data file of a table is damaged or gone \(\S+/tables/{}/.+parquet"
LOG = r"the log of a table is damaged \(.*{}"
CHECKPOINT = r"the checkpoint is damaged \("
ANEW = without("tables/minutes", "tables/detections", "checkpoint")
VERDICTS_GONE = (without("tables/detections"), frozenset({"detections"}))
CASES = {
    "history deleted": Case(deleted("history")),
    "series deleted": Case(deleted("series")),
    "owner deleted": Case(deleted("owner")),
    "batches deleted": Case(deleted("batches")),
    "verdicts deleted": Case(deleted("detections"), lossy=frozenset({"detections"})),
    "windows, verdicts and checkpoint deleted": Case(ANEW),
    "minutes, torn log": Case(torn_log("minutes"), LOG.format("minutes"), ANEW),
    "verdicts, torn log": Case(torn_log("detections"), LOG.format("detections"), *VERDICTS_GONE),
    "history, torn log": Case(torn_log("history"), LOG.format("history"), without("tables/history")),
    "owner, torn log": Case(torn_log("owner"), LOG.format("owner"), without("tables/owner")),
    "minutes, a hole in the log": Case(lost_log("minutes"), LOG.format(""), ANEW),
    "history, a hole in the log": Case(lost_log("history"), LOG.format(""), without("tables/history")),
    "history, data": Case(damaged("history"), FILE.format("history"), without("tables/history")),
    "series, data": Case(damaged("series"), FILE.format("series"), without("tables/series")),
    "minutes, data": Case(damaged("minutes"), FILE.format("minutes"), ANEW),
    "verdicts, data": Case(damaged("detections"), FILE.format("detections"), *VERDICTS_GONE),
    "half of the newest offsets": Case(empty_offsets, CHECKPOINT, without("checkpoint")),
    "a file of the state": Case(lost_state, CHECKPOINT, without("checkpoint")),
    "the name of the query": Case(lost_metadata, CHECKPOINT, without("checkpoint")),
    "the commits of the query": Case(lost_commits),
    "the whole checkpoint": Case(without("checkpoint")),
}


@pytest.mark.parametrize("name", CASES)
def test_damage_ends_in_a_sentence_whose_way_out_leads_on(
    name: str, telemetry: Path, undisturbed: Path, tmp_path: Path, spark: Any
) -> None:
    case = CASES[name]
    arrived, rest = half(telemetry, tmp_path)
    config = load(settings(arrived, tmp_path))
    finish(config, spark)
    case.damage(tmp_path)
    spark.catalog.clearCache()
    for path in rest:
        shutil.copy2(path, arrived)
    if case.sentence is not None:
        with pytest.raises(AdStreamError) as error:
            finish(config, spark)
        assert re.search(case.sentence, str(error.value)), str(error.value)
        assert len(str(error.value)) < 700
        assert case.way_out is not None
        case.way_out(tmp_path)
    finish(config, spark)
    found = differences(tmp_path / "tables", undisturbed / "tables", named=False)
    assert {table: found[table] for table in found if table not in case.lossy} == {
        table: SAME[table] for table in SAME if table not in case.lossy
    }


@pytest.mark.parametrize("part", ["tables", "checkpoint"])
def test_a_place_that_takes_no_file_is_named_before_anything_is_read(
    part: str, telemetry: Path, tmp_path: Path, spark: Any
) -> None:
    config = load(settings(telemetry, tmp_path))
    nowhere = "/proc/ad_stream"  # where not even root may write
    changed = (
        {"checkpoint": nowhere}
        if part == "checkpoint"
        else {"tables": config.tables.model_copy(update={"path": nowhere})}
    )
    with pytest.raises(AdStreamError, match=nowhere):
        finish(config.model_copy(update=changed), spark)
