"""What is asked of a Databricks workspace, through its SDK: files up, secrets looked for, runs and jobs made, runs watched."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service.jobs import BaseRun, QueueSettings, Run
from databricks.sdk.service.workspace import ImportFormat

from ad_stream.databricks.explain import asking, said_by
from ad_stream.databricks.plan import TAG, Plan
from ad_stream.errors import RunError, WorkspaceError

if TYPE_CHECKING:
    from databricks.sdk.clock import Clock
    from databricks.sdk.service.jobs import JobSettings

ENDED = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}
LOOK_EVERY = 5.0
"""Seconds between two looks at a run."""
SAY_EVERY = 60.0
"""Seconds after which a state that has not changed is told again."""
PATIENCE = 30
"""Seconds in which the SDK repeats a request that was throttled or broke off."""
STARTS_WITHIN = 900.0
"""Seconds that the first run of a permanent job may take to appear."""


def connect(profile: str | None = None, *, clock: Clock | None = None) -> Workspace:
    """The workspace of the environment (DATABRICKS_HOST, ...) or of a profile; WorkspaceError where none is named."""
    problem = ""
    try:
        config = Config(profile=profile, retry_timeout_seconds=PATIENCE, product="ad-stream", clock=clock)
        return Workspace(WorkspaceClient(config=config))
    except ValueError as error:
        problem = str(error)
    named = f"the profile {profile!r}" if profile else "the environment"
    raise WorkspaceError(
        f"{named} names no workspace to log in to ({said_by(problem)}): run 'databricks auth login --host <workspace>', or set "
        f"DATABRICKS_HOST and DATABRICKS_TOKEN"
    )


@dataclass
class Workspace:
    """A workspace and who asks it; each refusal is a WorkspaceError, each failure of it a RunError."""

    client: WorkspaceClient

    @property
    def host(self) -> str:
        """Its address."""
        return str(self.client.config.host)

    @cached_property
    def user(self) -> str:
        """Who is logged in."""
        with asking(self.host, "to say who you are", right="access to the workspace"):
            return str(self.client.current_user.me().user_name)

    def folder(self, name: str) -> str:
        """Where the files of a run lie, as tasks name it."""
        return f"/Workspace/Users/{self.user}/.ad_stream/{name}"

    def check_secrets(self, secrets: Sequence[tuple[str, str]]) -> None:
        """WorkspaceError for the first secret that is not there; what may not be listed is left to the run."""
        known: dict[str, set[str]] = {}
        for scope, key in secrets:
            if scope not in known:
                with asking(self.host, f"to list the secret scope {scope!r}"):
                    try:
                        known[scope] = {str(one.key) for one in self.client.secrets.list_secrets(scope)}
                    except PermissionDenied:
                        known[scope] = {one for where, one in secrets if where == scope}
                    except NotFound:
                        raise WorkspaceError(
                            f"{self.host} has no secret scope {scope!r}: 'databricks secrets create-scope {scope}' makes it"
                        ) from None
            if key not in known[scope]:
                raise WorkspaceError(
                    f"the secret scope {scope!r} of {self.host} has no key {key!r}: 'databricks secrets put-secret {scope} {key}' "
                    f"adds it"
                )

    def node_type(self) -> str:
        """The smallest node with four cores and a disk of its own, whatever the cloud."""
        with asking(self.host, "to list the node types", right="the right to create clusters"):
            return str(self.client.clusters.select_node_type(local_disk=True, min_cores=4))

    def upload(self, folder: str, files: dict[str, bytes], progress: Callable[[str], None]) -> None:
        """Put these files below a folder of `folder()`, over those of an earlier run."""
        target = folder.removeprefix("/Workspace")
        with asking(self.host, f"to write into {folder}", right="the right to edit that folder"):
            self.client.workspace.mkdirs(target)
            for name, content in files.items():
                progress(f"uploading {name} ({len(content):,} bytes)")
                self.client.workspace.upload(
                    f"{target}/{name}", io.BytesIO(content), format=ImportFormat.AUTO, overwrite=True
                )

    def submit(self, name: str, plan: Plan) -> int:
        """Start a one-off run -> its id."""
        with asking(self.host, "to submit the run", right="the right to create clusters or to use serverless compute"):
            # A request that is repeated after a broken connection must not start a second run.
            token = uuid.uuid4().hex
            waiting = self.client.jobs.submit(
                run_name=name, tasks=[plan.submitted()], environments=plan.environments(), idempotency_token=token,
                queue=QueueSettings(enabled=True),
            )  # fmt: skip
            return int(waiting.run_id)

    def make_job(self, settings: JobSettings) -> int:
        """Create the job, or give the one of that name these settings and end its run, so that they count -> its id."""
        name = str(settings.name)
        with asking(
            self.host, f"to make the job {name!r}", right="the right to manage that job and to create clusters"
        ):
            found = [job for job in self.client.jobs.list(name=name) if job.settings and job.settings.name == name]
            if not found:
                created = self.client.jobs.create(**settings.__dict__)
                return int(created.job_id or 0)
            job = found[0]
            tags = (job.settings.tags if job.settings else None) or {}
            if len(found) > 1 or TAG not in tags:
                raise WorkspaceError(
                    f"{self.host} has {len(found)} jobs {name!r}, not all made by ad-stream: name another one with --job"
                )
            number = int(job.job_id or 0)
            self.client.jobs.reset(number, settings)
            self.client.jobs.cancel_all_runs(job_id=number)
            return number

    def job_page(self, number: int) -> str:
        """Where a person looks at a job."""
        return f"{self.host}/jobs/{number}"

    def first_run(self, job: int, sleep: Callable[[float], None] = time.sleep) -> int:
        """Wait for the run that a continuous job starts by itself -> its id."""
        waited = 0.0
        with asking(self.host, "to look for the job's run", right="the right to view that job"):
            while waited < STARTS_WITHIN:
                for run in self.client.jobs.list_runs(job_id=job, active_only=True):
                    if state_of(run)[0] != "TERMINATING":
                        return int(run.run_id or 0)
                sleep(LOOK_EVERY)
                waited += LOOK_EVERY
        raise RunError(f"the job has not started a run in {STARTS_WITHIN:.0f} s: look at {self.job_page(job)}")

    def watch(
        self, run: int, *, until_running: bool, progress: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
    ) -> str:  # fmt: skip
        """Follow a run to its end, or until it runs -> its page; RunError where it failed."""
        told, waited, said_at = "", 0.0, 0.0
        while True:
            with asking(self.host, f"to look at the run {run}", right="the right to view that run"):
                found = self.client.jobs.get_run(run)
            page, (state, message) = str(found.run_page_url), state_of(found)
            if not told:
                progress(page)
            if state != told or waited - said_at >= SAY_EVERY:
                more = f": {message}" if message and state not in ENDED else ""
                progress(f"{state.lower()} after {waited:.0f} s{more}")
                told, said_at = state, waited
            if state in ENDED:
                self._ended(found, page, message)
                return page
            if until_running and state == "RUNNING":
                return page
            sleep(LOOK_EVERY)
            waited += LOOK_EVERY

    def _ended(self, run: Run, page: str, message: str) -> None:
        details = run.status.termination_details if run.status else None
        code = details.code.value if details and details.code else ""
        result = run.state.result_state.value if run.state and run.state.result_state else code
        if result == "SUCCESS":
            return
        cause = self._cause(run) or message or "no cause given"
        raise RunError(f"the run ended as {result.lower() or 'failed'} ({cause}): its log is at {page}")

    def _cause(self, run: Run) -> str:
        """The last words of the first task that failed."""
        for task in run.tasks or []:
            failed = task.state and task.state.result_state and task.state.result_state.value == "FAILED"
            if failed and task.run_id:
                with asking(self.host, "to read the output of the run", right="the right to view that run"):
                    return (self.client.jobs.get_run_output(task.run_id).error or "").strip()[:500]
        return ""


def state_of(run: Run | BaseRun) -> tuple[str, str]:
    """The state of a run and what the workspace says to it, from the newer or the older of its two fields."""
    if run.status and run.status.state:
        details, queue = run.status.termination_details, run.status.queue_details
        said = (details.message if details else None) or (queue.message if queue else None)
        return run.status.state.value, (said or (run.state.state_message if run.state else "") or "").strip()
    state = run.state.life_cycle_state if run.state else None
    return (state.value if state else "PENDING"), ((run.state.state_message if run.state else "") or "").strip()
