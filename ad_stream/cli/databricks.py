"""The command that starts a run on Databricks."""

from __future__ import annotations

import json
import logging
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ad_stream.cli.options import Config, File, Json, Set
from ad_stream.cli.settings import needed
from ad_stream.config.overrides import overrides
from ad_stream.errors import InputError
from ad_stream.times import moment


class On(str, Enum):
    """Which compute."""

    AUTO = "auto"
    CLASSIC = "classic"
    SERVERLESS = "serverless"


def add_to(app: typer.Typer) -> None:
    """The commands in the order in which `--help` lists them."""
    app.command()(submit)


def submit(
    file: File = None,
    config: Config = None,
    set_: Set = [],  # noqa: B006 (typer wants the list)
    start: Annotated[str | None, typer.Option("--from", help="Backfill from this window on, UTC.")] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Start of the first window that the backfill leaves out.")
    ] = None,
    job: Annotated[str | None, typer.Option(help="Make (or change) a permanent job of this name.")] = None,
    schedules: Annotated[
        bool, typer.Option("--schedules", help="Make a job for each of the section schedules.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --schedules: print the jobs for databricks.yml, and send nothing.")
    ] = False,
    paused: Annotated[bool, typer.Option("--paused", help="Leave the permanent job paused.")] = False,
    notify: Annotated[list[str], typer.Option(help="Mail address for failures of the permanent job.")] = [],  # noqa: B006
    compute: Annotated[On, typer.Option(help="auto: serverless for a run that ends and needs no jar.")] = On.AUTO,
    node_type: Annotated[str, typer.Option(help="Node of a classic cluster, else the smallest of 4 cores.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Workers of a classic cluster.")] = 1,
    runtime: Annotated[str, typer.Option(help="Databricks Runtime of a classic cluster.")] = "",
    policy: Annotated[str, typer.Option(help="Id of the policy of a classic cluster.")] = "",
    wheel: Annotated[Path | None, typer.Option(help="Wheel of ad-stream, else the newest in dist/.")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of the Databricks CLI.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the run; an endless one until it runs.")] = True,
    as_json: Json = False,
) -> None:
    """Start the stream, a backfill or the schedules of a configuration on Databricks, and print the page of the run."""
    from ad_stream import config as settings
    from ad_stream.databricks.plan import Cluster
    from ad_stream.databricks.run import Order, schedules_in_bundle, submit_schedules
    from ad_stream.databricks.run import submit as send
    from ad_stream.databricks.workspace import connect

    named = Path(needed(file, config, "submit"))
    _check_schedules(schedules, dry_run, start or end or job)
    order = Order(
        file=named, config=settings.load(named, overrides(set_)), overrides=set_, span=_span(start, end, job), job=job, paused=paused,
        notify=notify, compute=compute.value, cluster=Cluster(node_type, workers, runtime, policy), wheel=wheel,
    )  # fmt: skip
    if dry_run:
        print(schedules_in_bundle(order), end="")
        return
    # The SDK warns where a workspace lacks an address that it can do without.
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    if schedules:
        jobs = submit_schedules(order, connect(profile), progress=_tell)
        print(json.dumps([one.as_dict() for one in jobs]) if as_json else f"{len(jobs)} jobs are made")
        return
    try:
        done = send(order, connect(profile), wait=wait, progress=_tell)
    except KeyboardInterrupt:
        print("ad-stream: no longer watched; what was started goes on, and its page ends it", file=sys.stderr)
        raise typer.Exit(1) from None
    print(json.dumps(done.as_dict()) if as_json else done.sentence())


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _check_schedules(schedules: bool, dry_run: bool, other: str | None) -> None:
    if dry_run and not schedules:
        raise InputError("--dry-run prints the jobs of the section schedules: add --schedules")
    if schedules and other is not None:
        raise InputError("--schedules makes the jobs of the section schedules: leave out --job, --from and --to")


def _span(start: str | None, end: str | None, job: str | None) -> tuple[str, str] | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InputError("a backfill needs both --from and --to")
    if job is not None:
        raise InputError("--job makes a permanent job of the stream: leave out --from and --to, or --job")
    if moment(start) >= moment(end):
        raise InputError(f"--from {start} is not before --to {end}: swap them")
    return start, end
