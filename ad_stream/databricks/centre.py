"""The job centre of a workspace: the jobs that `ad-stream submit --schedules` made, through the SDK."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from databricks.sdk.service.jobs import BaseJob, BaseRun, JobSettings, PauseStatus, Run

from ad_stream import times
from ad_stream.config.schedules import JOB_NAME, Schedule
from ad_stream.databricks.explain import asking
from ad_stream.databricks.plan import TAG
from ad_stream.databricks.schedules import periodic
from ad_stream.databricks.workspace import ENDED, Workspace, state_of
from ad_stream.errors import InputError, did_you_mean
from ad_stream.schedules.centre import LogPart
from ad_stream.schedules.planned import next_time

if TYPE_CHECKING:
    from collections.abc import Mapping

STATES = {
    "SUCCESS": "succeeded",
    "CANCELED": "cancelled",
    "USER_CANCELED": "cancelled",
    "SKIPPED": "missed",
    "EXCLUDED": "missed",
}
"""How a run ended -> our word; all others have failed."""
WAITING = ("QUEUED", "PENDING", "BLOCKED", "WAITING_FOR_RETRY")


class WorkspaceCentre:
    """A `schedules.centre.JobCentre`. called: what the names of its jobs begin with, `ad-stream <configuration>`."""

    lives = True
    """Databricks sees to its jobs by itself."""

    def __init__(self, workspace: Workspace, schedules: Mapping[str, Schedule], called: str) -> None:
        self._workspace, self._schedules, self._called = workspace, schedules, called
        self._jobs = workspace.client.jobs

    def jobs(self) -> list[dict[str, Any]]:
        """As `JobCentre`; a schedule that was not submitted yet has no next run."""
        made = self._made()
        return [self._job(name, made.get(name)) for name in self._schedules]

    def runs(self, job: str, most: int) -> list[dict[str, Any]]:
        """As `JobCentre`."""
        number = self._number(job)
        with self._asking("to list the runs", "the right to view that job"):
            found = self._jobs.list_runs(job_id=number, limit=min(most, 25))
            return [self._row(job, run) for run, _ in zip(found, range(most), strict=False)]

    def log(self, run: str, start: int) -> LogPart:
        """As `JobCentre`, of the first task: the workspace keeps the last megabytes, and gives them when the run has ended."""
        found = self._run(run)
        row, over = self._row("", found), state_of(found)[0] in ENDED
        task = next((one.run_id for one in found.tasks or [] if one.run_id), None)
        if task is None or not over:
            return LogPart("", 0, over, row["state"], row["reason"])
        with self._asking("to read the output of the run", "the right to view that run"):
            output = self._jobs.get_run_output(task)
        said = [output.logs, output.error, f"the rest is at {found.run_page_url}" if output.logs_truncated else None]
        content = "".join(f"{part.rstrip()}\n" for part in said if part).encode()
        first = max(0, len(content) + start) if start < 0 else min(start, len(content))
        text = content[first:].decode("utf-8", "replace")
        return LogPart(text, len(content), over, row["state"], row["reason"])

    def run_now(self, job: str, by: str) -> str:  # noqa: ARG002 - the workspace knows who is logged in
        """As `JobCentre`."""
        number = self._number(job)
        with self._asking("to run the job", "the right to manage runs of that job"):
            return str(self._jobs.run_now(number).run_id)

    def pause(self, job: str, by: str) -> None:  # noqa: ARG002
        """As `JobCentre`."""
        self._set(job, PauseStatus.PAUSED)

    def resume(self, job: str) -> None:
        """As `JobCentre`."""
        self._set(job, PauseStatus.UNPAUSED)

    def cancel(self, run: str, by: str) -> None:  # noqa: ARG002
        """As `JobCentre`."""
        found = self._run(run)
        if state_of(found)[0] in ENDED:
            raise InputError(f"the run {run} has ended: only one that runs or waits can be cancelled")
        with self._asking("to cancel the run", "the right to manage runs of that job"):
            self._jobs.cancel_run(int(run))

    def _job(self, name: str, made: BaseJob | None) -> dict[str, Any]:
        schedule = self._schedules[name]
        last = running = None
        settings = made.settings if made else None
        if made is not None:
            with self._asking("to list the runs", "the right to view that job"):
                newest = next(iter(self._jobs.list_runs(job_id=made.job_id, limit=1)), None)
            last = None if newest is None else self._row(name, newest)
            running = last["run_id"] if last is not None and last["ended"] is None else None
        when = _when(settings)
        paused = when is not None and when.pause_status == PauseStatus.PAUSED
        text = schedule.text() if made else f"{schedule.text()}, not submitted"
        return {
            "job": name, "command": schedule.run, "model": schedule.model, "when": text, "catch_up": "skip",
            "next": None if when is None or paused else _next(schedule),
            "paused": {"by": "", "at": ""} if paused else None, "last": last, "running": running,
        }  # fmt: skip

    def _set(self, job: str, status: PauseStatus) -> None:
        number = self._number(job)
        right = "the right to manage that job"
        with self._asking("to look at the job", right):
            when = _when(self._jobs.get(number).settings)
        if when is None:
            raise InputError(
                f"the job {job} has no schedule in the workspace: 'ad-stream submit --schedules' gives it one"
            )
        when.pause_status = status
        change = JobSettings(trigger=when) if hasattr(when, "periodic") else JobSettings(schedule=when)
        with self._asking("to pause or resume the job", right):
            self._jobs.update(number, new_settings=change)

    def _made(self) -> dict[str, BaseJob]:
        with self._asking("to list the jobs", "the right to view jobs"):
            every = list(self._jobs.list())
        found = {}
        for job in every:
            name = str(job.settings.name if job.settings else "").removeprefix(f"{self._called} ")
            if JOB_NAME.fullmatch(name) and job.settings and TAG in (job.settings.tags or {}):
                found[name] = job
        return found

    def _number(self, job: str) -> int:
        if job not in self._schedules:
            raise InputError(f"there is no job {times.short(job)}: {did_you_mean(job, sorted(self._schedules))}")
        made = self._made().get(job)
        if made is None:
            raise InputError(
                f"the job {job} is not in {self._workspace.host} yet: 'ad-stream submit --schedules' makes it"
            )
        return int(made.job_id or 0)

    def _run(self, run: str) -> Run:
        if not run.isascii() or not run.isdigit():
            raise InputError(f"{times.short(run)} is no run of a workspace: 'ad-stream jobs runs' prints their numbers")
        with self._asking(f"to look at the run {run}", "the right to view that run"):
            return self._jobs.get_run(int(run))

    def _row(self, job: str, run: BaseRun | Run) -> dict[str, Any]:
        state, said = state_of(run)
        started, ended = _time(run.start_time), _time(run.end_time) if state in ENDED else None
        word = _outcome(run) if state in ENDED else "queued" if state in WAITING else "running"
        command = self._schedules[job].run if job else ""
        return {
            "run_id": str(run.run_id), "job": job, "command": command, "planned": started, "started": started, "ended": ended,
            "state": word, "reason": said or None, "counts": None, "cpu_seconds": None, "config_version": None,
            "attempt": (run.attempt_number or 0) + 1,
            "seconds": (run.run_duration or run.execution_duration or 0) / 1000 if ended else None,
        }  # fmt: skip

    def _asking(self, doing: str, right: str) -> AbstractContextManager[None]:
        return asking(self._workspace.host, doing, right=right)


def _next(schedule: Schedule) -> str | None:
    """None where the time counts from the making of the job."""
    told = periodic(schedule) is None
    return times.iso_or_none(next_time(schedule, times.now())) if told else None


def _when(settings: JobSettings | None) -> Any:
    """The schedule or the trigger of a job, None without either."""
    return None if settings is None else settings.schedule or settings.trigger


def _outcome(run: BaseRun | Run) -> str:
    details = run.status.termination_details if run.status else None
    code = details.code.value if details and details.code else ""
    result = run.state.result_state.value if run.state and run.state.result_state else code
    return STATES.get(result, "failed")


def _time(millis: int | None) -> str | None:
    return None if not millis else times.iso(times.from_seconds(millis / 1000))
