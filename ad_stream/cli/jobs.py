"""Commands over the section `schedules`: run what is due, and the job centre in a terminal."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ad_stream.cli.options import Config, File, Json, RunConfig
from ad_stream.cli.series_config import user_name
from ad_stream.cli.settings import needed
from ad_stream.errors import RunError

if TYPE_CHECKING:
    from ad_stream.schedules.centre import JobCentre

jobs_app = typer.Typer(help="The jobs of a configuration: list, run, pause, cancel, read a log.", no_args_is_help=True)
Job = Annotated[str, typer.Argument(help="Name of the job, as in the section schedules.", show_default=False)]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run, as `ad-stream jobs runs` prints it.", show_default=False)]  # fmt: skip
LOOK_EVERY = 0.2
"""Seconds between two looks of `--follow`."""


def add_to(app: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    app.command()(schedule)
    app.add_typer(jobs_app, name="jobs")


def schedule(file: File = None, config: Config = None) -> None:
    """Run the jobs of the section schedules when they are due, until Ctrl-C, which ends what runs."""
    from ad_stream import config as settings
    from ad_stream.pipeline.operation.signals import asked_to_stop
    from ad_stream.schedules.scheduler import Scheduler
    from ad_stream.times import iso

    path = needed(file, config, "schedule")
    scheduler = Scheduler(settings.load(path), path)
    scheduler.begin()
    coming = f"the next is due at {iso(scheduler.next)}" if scheduler.next else "none of them is due any more"
    number = len(scheduler.jobs)
    print(f"{number} job{'s' * (number != 1)}, {coming}; Ctrl-C ends it", file=sys.stderr, flush=True)
    with asked_to_stop() as stopped:
        scheduler.run(stopped)
    print("the scheduler has stopped; what becomes due meanwhile follows catch_up at its next start", file=sys.stderr)


@jobs_app.command("list")
def list_jobs(file: File = None, config: Config = None, as_json: Json = False) -> None:
    """Every job: when it runs, when next, what became of its last run."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.jobs import job_table

    centre = centre_of(needed(file, config, "jobs list"))
    found = centre.jobs()
    print(json.dumps(found)) if as_json else show(job_table(found, lives=centre.lives))


@jobs_app.command()
def runs(
    job: Job,
    config: RunConfig = None,
    most: Annotated[int, typer.Option(min=1, help="So many of the last.")] = 20,
    as_json: Json = False,
) -> None:
    """The last runs of a job, the latest first."""
    from ad_stream.cli.output.console import show
    from ad_stream.cli.output.jobs import run_table

    found = centre_of(needed(None, config, f"jobs runs {job} --config")).runs(job, most)
    print(json.dumps(found)) if as_json else show(run_table(found))


@jobs_app.command()
def run(
    job: Job,
    config: RunConfig = None,
    follow: Annotated[bool, typer.Option("--follow", help="Print its log until it ends.")] = False,
) -> None:
    """Run a job now; the scheduler does it, after the run of the job that may be under way."""
    centre = centre_of(needed(None, config, f"jobs run {job} --config"))
    name = centre.run_now(job, user_name())
    print(name, flush=True)
    if follow:
        _follow(centre, name)


@jobs_app.command()
def pause(job: Job, config: RunConfig = None) -> None:
    """Let no planned time of a job count until it is resumed; a run under way goes on."""
    centre_of(needed(None, config, f"jobs pause {job} --config")).pause(job, user_name())
    print(f"{job} is paused")


@jobs_app.command()
def resume(job: Job, config: RunConfig = None) -> None:
    """Let the planned times of a job count again, from now on."""
    centre_of(needed(None, config, f"jobs resume {job} --config")).resume(job)
    print(f"{job} is no longer paused")


@jobs_app.command()
def cancel(run: RunId, config: RunConfig = None) -> None:
    """End a run that is under way, or waits."""
    centre_of(needed(None, config, f"jobs cancel {run} --config")).cancel(run, user_name())
    print(f"{run} is told to end")


@jobs_app.command()
def log(
    run: RunId,
    config: RunConfig = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run ends.")] = False,
) -> None:
    """Print the log of a run."""
    centre = centre_of(needed(None, config, f"jobs log {run} --config"))
    if follow:
        _follow(centre, run)
        return
    start, part = -1, centre.log(run, 0)
    while part.end > start:
        print(part.text, end="")
        start, part = part.end, centre.log(run, part.end)


def centre_of(path: str) -> JobCentre:
    """That of this machine, or of the workspace of the environment where the tables are in a catalog."""
    from ad_stream import config as settings

    loaded = settings.load(path)
    if loaded.tables.path is None:
        from ad_stream.databricks.centre import WorkspaceCentre
        from ad_stream.databricks.run import called
        from ad_stream.databricks.workspace import connect

        return WorkspaceCentre(connect(), loaded.schedules, called(Path(path)))
    from ad_stream.schedules.centre import LocalCentre

    return LocalCentre(loaded, path)


def _follow(centre: JobCentre, run: str) -> None:
    """RunError where the run failed."""
    part = centre.log(run, 0)
    print(part.text, end="", flush=True)
    while not part.over:
        time.sleep(LOOK_EVERY)
        part = centre.log(run, part.end)
        print(part.text, end="", flush=True)
    if part.state != "succeeded":
        raise RunError(f"the run {run} ended as {part.state}: {part.reason}")
