"""A task: a named source by columns, a detector, and when to train, predict and tune -> the configuration of a run of its own.

A task has tables, landing folder and checkpoint of its own below `_tasks` beside the tables of the run. It names its source; no address,
query or path comes from it. What is wrong is a sentence for the field that is wrong, by the same checks as `ad-stream validate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from ad_stream.config.schedules import DAY, JOB_NAME, TUNABLE, Schedule
from ad_stream.config.sections import Config, Tables
from ad_stream.detectors import by_name, learns_of, names
from ad_stream.errors import ConfigError, did_you_mean
from ad_stream.model import DetectorSpec
from ad_stream.readers.settings import NamedSource
from ad_stream.settings import Section
from ad_stream.sources.landing.settings import LandingSource

ROOT = "_tasks"
STEPS = ("train", "predict", "tune")
WHEN = ("cron", "every", "start", "time_zone")
LEARN_FROM, TUNE_OVER, PREDICT_FROM = 28 * DAY, 14 * DAY, DAY
LONGEST_NAME = 40
"""Its jobs are called NAME-predict, and names of jobs have 60 characters."""


class When(Section):
    """When a step of a task runs: as in the section `schedules`."""

    cron: str | None = None
    every: str | None = None
    start: str | None = None
    time_zone: str = "UTC"


class Task(Section):
    """See the module. time: column, where the source's own is not meant; dimensions: columns whose texts are the name of a series
    together, none: the source's own; feature: the column of values. train and tune may be left out."""

    name: str = Field(max_length=LONGEST_NAME)
    source: str = Field(min_length=1, max_length=200)
    time: str | None = Field(default=None, min_length=1, max_length=200)
    dimensions: list[str] = Field(default=[], max_length=8)
    feature: str = Field(min_length=1, max_length=200)
    detector: str = "default"
    train: When | None = None
    predict: When
    tune: When | None = None

    @field_validator("name")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not JOB_NAME.fullmatch(value):
            raise ValueError(f"write letters, digits, - and _, at most {LONGEST_NAME}")
        return value

    @field_validator("detector")
    @classmethod
    def _known_detector(cls, value: str) -> str:
        if value not in names():
            raise ValueError(f"there is no such detector: {did_you_mean(value, names())}")
        return value

    @property
    def model(self) -> str:
        """What its detector learns, '' for nothing."""
        return learns_of(by_name(self.detector))


class TaskSchedule(Schedule):
    """The schedule of a step of a task; run: the command that the step is nearest to."""

    task: str
    step: str


class TaskError(ConfigError):
    """errors: field -> what is wrong with it, in a sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{field}: {sentence}" for field, sentence in self.errors.items()))


def task_of(said: Mapping[str, Any], base: Config) -> Task:
    """What a person said -> the task; TaskError with every field that is wrong. base: the run beside which it is set up."""
    try:
        task = Task.model_validate(said)
    except ValidationError as error:
        raise TaskError(_by_field(error.errors(include_url=False))) from None
    wrong: dict[str, str] = {}
    for step in STEPS:
        wrong |= _wrong_schedule(task, step)
    try:
        source_of(task, base)
    except TaskError as error:
        wrong |= error.errors
    taken = [name for name in (f"{task.name}-{step}" for step in STEPS) if name in base.schedules]
    if taken:
        wrong["name"] = f"the section schedules has a job {taken[0]}: take another name"
    if base.tables.path is None:
        wrong["source"] = (
            "the tables of this run are in a catalog, and a task has a folder beside them: set up jobs there"
        )
    if wrong:
        raise TaskError(wrong)
    return task


def schedules_of(task: Task) -> dict[str, Schedule]:
    """Its jobs by their names."""
    found = ((f"{task.name}-{step}", _schedule(task, step)) for step in STEPS)
    return {name: schedule for name, schedule in found if schedule is not None}


def source_of(task: Task, base: Config) -> NamedSource:
    """The named source with the columns of the task; TaskError for a field that it does not know."""
    if task.source not in base.sources:
        way = (
            did_you_mean(task.source, list(base.sources))
            if base.sources
            else "the configuration has no section sources"
        )
        raise TaskError({"source": f"there is no source {task.source!r}: {way}"})
    source = base.sources[task.source]
    kind = type(source)
    fields = kind.model_fields
    given = {
        fields[name].alias or name: getattr(source, name)
        for name in source.model_fields_set - {"device", "dimensions", "time", "signal", "value", "values"}
    }
    wanted = _columns(task, fields, source)
    try:
        return kind.model_validate({**given, **wanted})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = {"values": "feature", "time": "time", "device": "dimensions"}.get(
            str((first["loc"] or ("",))[0]), "source"
        )
        raise TaskError({field: first["msg"].removeprefix("Value error, ")}) from None


def config_of(task: Task, base: Config) -> Config:
    """The run of the task: its source to its end into its own tables. It pushes nothing and has no schedules."""
    place = Path(str(base.tables.path)) / ROOT / task.name
    landing = LandingSource.model_validate({"kind": "landing", "from": task.source, "path": str(place / "landing")})
    return base.model_copy(
        update={
            "source": landing, "sources": {task.source: source_of(task, base)}, "tables": Tables(path=str(place / "tables")),
            "checkpoint": str(place / "checkpoint"), "trigger": "available_now", "push": [], "schedules": {},
            "detection": base.detection.model_copy(update={"detector": DetectorSpec(task.detector), "points": None}),
            "metrics": None, "heartbeat": None,
        }
    )  # fmt: skip


def _columns(task: Task, fields: Mapping[str, Any], source: NamedSource) -> dict[str, Any]:
    """Which columns the source is read by, in its own settings."""
    wrong: dict[str, str] = {}
    wanted: dict[str, Any] = {"values": [task.feature]}
    several = len(task.dimensions) > 1
    if task.dimensions and ("dimensions" if several else "device") not in fields:
        told = "one" if "device" in fields else "no"
        wrong["dimensions"] = (
            f"a source of kind {source.kind} has {told} column that names a series: leave the others out"
        )
    elif several:
        wanted["dimensions"] = task.dimensions
    elif task.dimensions:
        wanted["device"] = task.dimensions[0]
    else:
        wanted |= {name: getattr(source, name) for name in source.model_fields_set & {"device", "dimensions"}}
    if task.time is not None and "time" not in fields:
        wrong["time"] = f"a source of kind {source.kind} has one time of its own: leave it out"
    elif task.time is not None:
        wanted["time"] = task.time
    elif "time" in source.model_fields_set and "time" in fields:
        wanted["time"] = getattr(source, "time")  # noqa: B009 - not every kind has it
    if wrong:
        raise TaskError(wrong)
    return wanted


def _schedule(task: Task, step: str) -> Schedule | None:
    when: When | None = getattr(task, step)
    if when is None:
        return None
    said: dict[str, Any] = when.model_dump(exclude_none=True) | {"task": task.name, "step": step}
    if step == "train":
        said |= {"run": "train", "model": task.model or None, "last": LEARN_FROM, "tuned": task.model in TUNABLE}
    elif step == "tune":
        said |= {"run": "tune", "last": TUNE_OVER}
    else:
        said |= {"run": "backfill", "last": PREDICT_FROM, "catch_up": "skip"}
    return TaskSchedule.model_validate(said)


def _wrong_schedule(task: Task, step: str) -> dict[str, str]:
    if step == "train" and task.train is not None and not task.model:
        return {"train": f"the detector {task.detector} learns nothing: leave out its training"}
    try:
        _schedule(task, step)
    except ValidationError as error:
        return _by_field(error.errors(include_url=False), step)
    return {}


def _by_field(errors: Iterable[Any], step: str = "") -> dict[str, str]:
    """'train.cron', or 'train' for what is wrong with several of its settings, -> the first sentence."""
    found: dict[str, str] = {}
    for one in errors:
        place = [step, *map(str, one["loc"])] if step else [str(part) for part in one["loc"]]
        field = ".".join(part for part in place if part and not part.isdigit())
        message = "is missing" if one["type"] == "missing" else one["msg"].removeprefix("Value error, ")
        found.setdefault(field or "task", message)
    return found
