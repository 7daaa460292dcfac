"""The table `tasks` without Spark: what is set up, what was saved before, and the jobs that come of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream import times
from ad_stream.config.task import Task, TaskError, schedules_of, task_of
from ad_stream.errors import InputError, did_you_mean
from ad_stream.tables import people
from ad_stream.tables.follow import TableLog
from ad_stream.tables.tasks import TASKS

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.config.schedules import Schedule

log = logging.getLogger(__name__)
ACTIVE, RETIRED = "active", "retired"
Row = dict[str, Any]


def newest(tables: Path) -> dict[str, Row]:
    """Of each task the row that counts, `said` as it was said."""
    rows, _ = people.read(TASKS, tables)
    found: dict[str, Row] = {}
    for row in sorted(rows, key=lambda one: (one["version"], one["changed"])):
        found[str(row["task"])] = {**row, "said": json.loads(row["said"])}
    return found


def active(rows: Mapping[str, Row], base: Config) -> tuple[dict[str, Task], dict[str, str]]:
    """Rows that count -> the tasks that run, and of those that cannot any more (their source is gone) why not."""
    found: dict[str, Task] = {}
    wrong: dict[str, str] = {}
    for name, row in rows.items():
        if row["state"] == ACTIVE:
            try:
                found[name] = task_of(row["said"], base)
            except TaskError as error:
                wrong[name] = str(error)
    return found, wrong


def task_named(tables: Path, base: Config, name: str) -> Task:
    """InputError where there is none of this name."""
    rows = newest(tables)
    if name not in rows or rows[name]["state"] != ACTIVE:
        there = [one for one, row in rows.items() if row["state"] == ACTIVE]
        way = did_you_mean(name, there) if there else "set one up on the page Jobs, or with 'ad-stream tasks save'"
        raise InputError(f"there is no task {times.short(name)}: {way}")
    return task_of(rows[name]["said"], base)


def save(tables: Path, base: Config, said: Mapping[str, Any], *, owner: str, now: datetime) -> int:
    """Append the next version of a task -> its number; TaskError where it is none."""
    task = task_of(said, base)
    return _append(tables, task.name, ACTIVE, task.model_dump(mode="json", exclude_none=True), owner, now)


def retire(tables: Path, name: str, *, owner: str, now: datetime) -> int:
    """Its jobs end; what it has written stays. InputError where there is no such task."""
    row = newest(tables).get(name)
    if row is None or row["state"] != ACTIVE:
        raise InputError(f"there is no task {times.short(name)} that runs: 'ad-stream tasks list' shows them")
    return _append(tables, name, RETIRED, row["said"], owner, now)


def _append(tables: Path, name: str, state: str, said: Any, owner: str, now: datetime) -> int:
    tables.mkdir(parents=True, exist_ok=True)
    before = newest(tables).get(name)
    version = 1 + (0 if before is None else int(before["version"]))
    row = {"task": name, "version": version, "state": state, "said": json.dumps(said), "owner": owner}
    people.append(TASKS, tables, row, now=now)
    return version


class TaskJobs:
    """The tasks beside some tables and their jobs, read again when the table has changed. rows: of each task the one that counts;
    tasks: those that run; wrong: why others do not."""

    def __init__(self, tables: Path) -> None:
        self._tables, self._log = tables, TableLog(tables, TASKS.name)
        self.rows: dict[str, Row] = {}
        self.tasks: dict[str, Task] = {}
        self.wrong: dict[str, str] = {}
        self.schedules: dict[str, Schedule] = {}

    def changed(self, base: Config, *, anew: bool = False) -> bool:
        """Looks at the table -> whether there are other jobs now; anew: base is another one."""
        if self._log.news() is None and not anew:
            return False
        told, self.rows = self.wrong, newest(self._tables)
        self.tasks, self.wrong = active(self.rows, base)
        for name, sentence in self.wrong.items():
            if told.get(name) != sentence:
                log.warning("the task %s does not run: %s", name, sentence)
        was = self.schedules
        self.schedules = {name: one for task in self.tasks.values() for name, one in schedules_of(task).items()}
        return was != self.schedules
