"""`ad-stream submit`: the steps from a configuration to a run's page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.databricks import files, portable, schedules
from ad_stream.databricks.plan import Cluster, Compute, Kind, Plan, serverless
from ad_stream.errors import ConfigError

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import JobSettings

    from ad_stream.config import Config
    from ad_stream.databricks.workspace import Workspace


@dataclass(frozen=True)
class Order:
    """What is asked for. file: the YAML as it is sent; config: the same, read with `overrides`.

    span: --from and --to of a backfill, None for the stream. job: name of a permanent job, None for one run.
    """

    file: Path
    config: Config
    overrides: Sequence[str] = ()
    span: tuple[str, str] | None = None
    job: str | None = None
    paused: bool = False
    notify: Sequence[str] = ()
    compute: Compute = "auto"
    cluster: Cluster = field(default_factory=Cluster)
    wheel: Path | None = None

    @property
    def kind(self) -> Kind:
        """Which of the jobs/ scripts this starts."""
        return "stream" if self.span is None else "backfill"

    def arguments(self) -> list[str]:
        """What the script is told beside the configuration, in the words of the command line."""
        out = [word for pair in self.overrides for word in ("--set", pair)]
        return out if self.span is None else [*out, "--from", self.span[0], "--to", self.span[1]]


@dataclass(frozen=True)
class Submitted:
    """What was started; state is `succeeded`, `running`, `submitted` or `paused`."""

    page: str
    state: str
    run_id: int | None = None
    job_id: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)

    def sentence(self) -> str:
        """What the command says on exit."""
        thing = "the run" if self.job_id is None else f"the job {self.job_id}"
        verb = {"succeeded": "has", "submitted": "was"}.get(self.state, "is")
        return f"{thing} {verb} {self.state}: {self.page}"


def submit(
    order: Order, workspace: Workspace, *, wait: bool = True, progress: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Submitted:  # fmt: skip
    """Start the run or make the job; with `wait` follow it to its end, an endless one until it runs.

    Raises ConfigError for what cannot run there, WorkspaceError where the workspace refuses, RunError where it failed.
    """
    secrets = portable.check(order.config)
    on_serverless = serverless(order.kind, order.config, order.compute)
    package = files.wheel(order.wheel)
    name = order.job or f"ad-stream {order.kind} {order.file.stem}"
    sent = {
        f"{order.kind}.py": files.script(order.kind), "config.yaml": order.file.read_bytes(), package.name: package.read_bytes(),
    }  # fmt: skip
    workspace.check_secrets(secrets)
    cluster = order.cluster
    if not on_serverless and not cluster.node_type:
        cluster = replace(cluster, node_type=workspace.node_type())
    plan = Plan(
        kind=order.kind, config=order.config, arguments=order.arguments(), files=workspace.folder(name.replace(" ", "-")),
        wheel=package.name, serverless=on_serverless, cluster=cluster,
    )  # fmt: skip
    workspace.upload(plan.files, sent, progress)
    if order.job is None:
        run = workspace.submit(name, plan)
        return _watched(workspace, plan, run, None, wait, progress, sleep)
    job = workspace.make_job(plan.job(order.job, notify=order.notify, paused=order.paused))
    progress(workspace.job_page(job))
    if order.paused or not wait:
        return Submitted(workspace.job_page(job), "paused" if order.paused else "submitted", job_id=job)
    return _watched(workspace, plan, workspace.first_run(job, sleep), job, wait, progress, sleep)


def called(file: Path) -> str:
    """What the names of the jobs of a configuration begin with."""
    return f"ad-stream {file.stem}"


def submit_schedules(
    order: Order, workspace: Workspace, *, progress: Callable[[str], None] = lambda _: None
) -> list[Submitted]:
    """Make or change a job for each of the section `schedules` -> the jobs, in its order; errors as `submit`."""
    wanted = _scheduled(order)
    secrets = portable.check(order.config)
    package = files.wheel(order.wheel)
    workspace.check_secrets(secrets)
    sent = {f"{kind}.py": files.script(kind) for kind in {kind for kind, _ in wanted.values()}}
    name, classic = called(order.file), order.compute == "classic"
    cluster = order.cluster
    if classic and not cluster.node_type:
        cluster = replace(cluster, node_type=workspace.node_type())
    place = workspace.folder(name.replace(" ", "-"))
    workspace.upload(
        place, {**sent, "config.yaml": order.file.read_bytes(), package.name: package.read_bytes()}, progress
    )
    done = []
    for settings in _settings(order, wanted, place, package.name, cluster, serverless=not classic).values():
        job = workspace.make_job(settings)
        progress(f"{settings.name}: {workspace.job_page(job)}")
        done.append(Submitted(workspace.job_page(job), "paused" if order.paused else "submitted", job_id=job))
    return done


def schedules_in_bundle(order: Order) -> str:
    """The jobs of `submit_schedules` as YAML for databricks.yml; asks no workspace."""
    return schedules.bundle_text(_settings(order, _scheduled(order), "./jobs", "", order.cluster, serverless=True))


def _scheduled(order: Order) -> dict[str, tuple[Kind, list[str]]]:
    """Name of each schedule -> its script and what that is told; ConfigError where there is none, or one cannot run there."""
    if not order.config.schedules:
        raise ConfigError(f"{str(order.file)!r} has no section schedules: add one (docs/schedules.md)")
    overrides = [word for pair in order.overrides for word in ("--set", pair)]
    return {
        name: (schedules.kind_of(name, schedule), [*overrides, *schedules.arguments(schedule)])
        for name, schedule in order.config.schedules.items()
    }


def _settings(
    order: Order, wanted: Mapping[str, tuple[Kind, list[str]]], place: str, wheel: str, cluster: Cluster, *, serverless: bool
) -> dict[str, JobSettings]:  # fmt: skip
    found = {}
    for name, (kind, told) in wanted.items():
        plan = Plan(
            kind=kind, config=order.config, arguments=told, files=place, wheel=wheel, serverless=serverless, cluster=cluster
        )  # fmt: skip
        found[name] = schedules.job_of(
            name, order.config.schedules[name], plan, called=called(order.file), notify=order.notify, paused=order.paused
        )  # fmt: skip
    return found


def _watched(
    workspace: Workspace, plan: Plan, run: int, job: int | None, wait: bool, progress: Callable[[str], None],
    sleep: Callable[[float], None],
) -> Submitted:  # fmt: skip
    if not wait:
        return Submitted(f"{workspace.host}/jobs/runs/{run}", "submitted", run, job)
    page = workspace.watch(run, until_running=plan.endless, progress=progress, sleep=sleep)
    return Submitted(page, "running" if plan.endless else "succeeded", run, job)
