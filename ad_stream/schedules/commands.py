"""A schedule -> the words of the command line that a run of it types."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ad_stream.config.task import TaskSchedule
from ad_stream.times import iso

if TYPE_CHECKING:
    from ad_stream.config.schedules import Schedule

PROGRAM = (sys.executable, "-c", "from ad_stream.cli import main; main()")
DAY = timedelta(days=1)


def words_of(schedule: Schedule, planned: datetime, config: str) -> list[str]:
    """What stands behind `ad-stream`; a backfill ends at the planned time, so a run that comes late judges the same."""
    if isinstance(schedule, TaskSchedule):
        return ["tasks", "run", schedule.task, schedule.step, "--config", config, "--json"]
    days = [] if schedule.last is None else ["--days", f"{schedule.last / DAY:g}"]
    if schedule.run == "backfill":
        assert schedule.last is not None
        return ["backfill", config, "--from", iso(planned - schedule.last), "--to", iso(planned), "--json"]
    if schedule.run == "train":
        more = [*_pair("--tau", schedule.tau), *(["--tuned"] if schedule.tuned else [])]
        more += ["--candidate"] if schedule.candidate else []
        return ["train", str(schedule.model), config, *days, *more, "--json"]
    if schedule.run == "tune":
        budget = [*_pair("--alarms", schedule.alarms), *_pair("--model", schedule.model)]
        return ["tune", config, *days, *budget, "--json"]
    if schedule.run == "propose":
        return ["propose", "--config", config, *days, "--json"]
    return ["maintain", config, "--json"]


def _pair(option: str, value: str | float | None) -> list[str]:
    return [] if value is None else [option, str(value)]


def line(words: Sequence[str]) -> str:
    """As a person would type it."""
    return shlex.join(["ad-stream", *words])


def counts_of(answer: bytes) -> str | None:
    """What a command answered as JSON -> the numbers in it, JSON; of a list how many rows it has."""
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    if isinstance(found, list):
        return json.dumps({"rows": len(found)})
    if not isinstance(found, dict):
        return None
    sums = {name: sum(value.values()) if isinstance(value, dict) else value for name, value in found.items()}
    return json.dumps({name: value for name, value in sums.items() if isinstance(value, (int, float))})
