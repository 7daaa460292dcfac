"""The section `schedules` as jobs of Databricks: the same times in its own words, the same commands by the scripts of jobs/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timezone
from typing import TYPE_CHECKING, Any

import yaml
from databricks.sdk.service.jobs import (
    CronSchedule,
    JobEmailNotifications,
    JobSettings,
    PauseStatus,
    PeriodicTriggerConfiguration,
    PeriodicTriggerConfigurationTimeUnit,
    TriggerSettings,
)

from ad_stream.config.schedules import DAY, ONCE, Schedule
from ad_stream.databricks.plan import TAG, Kind, Plan
from ad_stream.durations import as_text
from ad_stream.errors import ConfigError

if TYPE_CHECKING:
    from datetime import timedelta

Unit = PeriodicTriggerConfigurationTimeUnit
RETRY_MILLIS = 30_000


def kind_of(name: str, schedule: Schedule) -> Kind:
    """The script that it starts; ConfigError for what runs beside a folder of tables only."""
    if schedule.run == "propose" or schedule.run == "tune" or schedule.tuned:
        does = {"propose": "proposes", "tune": "tunes"}.get(schedule.run, "is tuned")
        raise ConfigError(
            f"the schedule {name!r} {does}, which reads tables in a folder of this machine: leave it out on Databricks, "
            "or run 'ad-stream schedule' beside a copy of the tables"
        )
    return schedule.run


def arguments(schedule: Schedule) -> list[str]:
    """What the script is told beside the configuration."""
    if schedule.run == "backfill":
        assert schedule.last is not None
        return ["--last", as_text(schedule.last)]
    if schedule.run == "train":
        assert schedule.last is not None
        candidate = [] if schedule.tau is None else ["--tau", str(schedule.tau)]
        candidate += ["--candidate"] if schedule.candidate else []
        return ["--model", str(schedule.model), "--days", f"{schedule.last / DAY:g}", *candidate]
    return []


def job_of(
    name: str, schedule: Schedule, plan: Plan, *, called: str, notify: Sequence[str], paused: bool
) -> JobSettings:
    """A job that runs `plan` when the schedule says so. What comes behind a longer run is skipped: Databricks catches nothing up."""
    task = plan.task()
    task.max_retries, task.timeout_seconds = schedule.retries, int(schedule.time_limit.total_seconds())
    task.min_retry_interval_millis = RETRY_MILLIS if schedule.retries else None
    status = PauseStatus.PAUSED if paused else PauseStatus.UNPAUSED
    return JobSettings(
        name=f"{called} {name}", tasks=[task], environments=plan.environments(), max_concurrent_runs=1, tags={TAG: schedule.run},
        email_notifications=JobEmailNotifications(on_failure=list(notify)) if notify else None, **_when(name, schedule, status),
    )  # fmt: skip


def _when(name: str, schedule: Schedule, status: PauseStatus) -> dict[str, Any]:
    every = periodic(schedule)
    if every is not None:
        return {"trigger": TriggerSettings(pause_status=status, periodic=every)}
    zone = "UTC" if schedule.interval is not None else schedule.time_zone
    return {"schedule": CronSchedule(quartz(name, schedule), zone, pause_status=status)}


def quartz(name: str, schedule: Schedule) -> str:
    """Six or seven fields, seconds first; ConfigError for an interval that they cannot say."""
    if schedule.every == ONCE and schedule.first is not None:
        at = schedule.first.astimezone(schedule.zone)
        return f"0 {at.minute} {at.hour} {at.day} {at.month} ? {at.year}"
    if schedule.calendar is not None:
        return schedule.calendar.quartz()
    assert schedule.interval is not None
    minutes = int(schedule.interval.total_seconds() // 60)
    first = 0 if schedule.first is None else int(schedule.first.astimezone(timezone.utc).timestamp() // 60) % minutes
    if 60 % minutes == 0:
        return f"0 {first}/{minutes} * * * ?" if minutes < 60 else f"0 {first} * * * ?"
    if minutes % 60 == 0 and 24 % (minutes // 60) == 0:
        return f"0 {first % 60} {first // 60}/{minutes // 60} * * ?"
    raise ConfigError(
        f"the schedule {name!r} runs every {schedule.every}, which Databricks cannot: write an interval that an hour or a day is a "
        "multiple of, or whole hours"
    )


def periodic(schedule: Schedule) -> PeriodicTriggerConfiguration | None:
    """What only a periodic trigger can say; it counts from the making of the job."""
    if schedule.every == "two-weekly":
        return PeriodicTriggerConfiguration(2, Unit.WEEKS)
    length = schedule.interval
    return None if length is None else _periods(length)


def _periods(length: timedelta) -> PeriodicTriggerConfiguration | None:
    minutes = int(length.total_seconds() // 60)
    if minutes % 60 or 1440 % minutes == 0:
        return None
    days, rest = divmod(minutes, 1440)
    return (
        PeriodicTriggerConfiguration(minutes // 60, Unit.HOURS)
        if rest
        else PeriodicTriggerConfiguration(days, Unit.DAYS)
    )


BUNDLE_FILES = {
    "--config": "${workspace.file_path}/${var.config}",
    "--scope": "${resources.secret_scopes.ad_stream.name}",
}
BUNDLE_WHEEL = "./dist/*.whl"
BUNDLE_SETTINGS = ("tables.catalog=${var.catalog}", "tables.schema=${resources.schemas.iot.name}")


def bundle_text(jobs: Mapping[str, JobSettings]) -> str:
    """The jobs as resources of databricks.yml: its files, its catalog and schema, its people."""
    resources = {name.replace("-", "_"): _in_bundle(job) for name, job in jobs.items()}
    return yaml.safe_dump({"resources": {"jobs": resources}}, sort_keys=False, width=120)


def _in_bundle(job: JobSettings) -> dict[str, Any]:
    found = job.as_dict()
    for task in found["tasks"]:
        python = task["spark_python_task"]
        ours = [word for pair in BUNDLE_FILES.items() for word in pair]
        settings = [word for pair in BUNDLE_SETTINGS for word in ("--set", pair)]
        python["parameters"] = [*ours, *settings, *python["parameters"][2:]]
    for environment in found["environments"]:
        environment["spec"]["dependencies"] = [BUNDLE_WHEEL]
    return found | {"tags": "${var.tags}", "email_notifications": {"on_failure": ["${var.notify}"]}}
