"""The job centre of a workspace, through the real SDK against a server of its REST API."""

from __future__ import annotations

from pathlib import Path

import pytest

from ad_stream import config as settings
from ad_stream.dashboard.access import Token
from ad_stream.databricks.centre import WorkspaceCentre
from ad_stream.databricks.run import called
from ad_stream.databricks.workspace import Workspace
from ad_stream.errors import InputError, WorkspaceError
from ad_stream.schedules.centre import JobCentre
from tests.support.served import Served
from tests.support.written import create
from tests.unit.databricks.fake_workspace import Fake
from tests.unit.databricks.test_schedules import SECTION, SHIPPED, jobs_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plant.yaml"
    path.write_text(SHIPPED + SECTION)
    return path


@pytest.fixture
def centre(workspace: Workspace, file: Path) -> WorkspaceCentre:
    return WorkspaceCentre(workspace, settings.load(file).schedules, called(file))


def test_it_is_a_job_centre(centre: WorkspaceCentre) -> None:
    either: JobCentre = centre
    assert either.lives


def test_jobs_runs_and_logs(
    fake: Fake, workspace: Workspace, centre: WorkspaceCentre, file: Path, tmp_path: Path
) -> None:
    assert {job["when"].partition(", ")[2] for job in centre.jobs()} == {"not submitted"}
    jobs_of(fake, workspace, file, tmp_path)
    fake.jobs[9] = {"name": "ad-stream plant stranger", "tags": {}}
    night, judge, tidy = centre.jobs()
    assert (night["job"], night["last"], night["paused"]) == ("night", None, None)
    assert night["next"] is not None and judge["next"] is not None and tidy["next"] is None
    fake.logs, fake.states = (
        "learned 3\n",
        [("PENDING", None), ("PENDING", None), ("RUNNING", None), ("TERMINATED", "SUCCESS")],
    )
    run = centre.run_now("night", "ann")
    assert centre.runs("night", 5)[0]["state"] == "queued"
    begun = centre.log(run, 0)
    assert (begun.text, begun.over) == ("", False)
    centre.log(run, 0), centre.log(run, 0)
    part = centre.log(run, 0)
    assert (part.text, part.over, part.state) == ("learned 3\n", True, "succeeded")
    assert centre.log(run, part.end).text == ""
    [row] = centre.runs("night", 5)
    assert (row["run_id"], row["state"], row["started"]) == (run, "succeeded", "2026-11-18T11:06:40Z")
    assert centre.jobs()[0]["last"]["state"] == "succeeded"


@pytest.mark.parametrize("job", ["night", "tidy"])
def test_pause_and_resume_keep_when_it_runs(
    fake: Fake, workspace: Workspace, centre: WorkspaceCentre, file: Path, tmp_path: Path, job: str
) -> None:
    before = jobs_of(fake, workspace, file, tmp_path)[f"ad-stream plant {job}"]
    centre.pause(job, "ann")
    assert next(one for one in centre.jobs() if one["job"] == job)["paused"] is not None
    centre.resume(job)
    after = {one["name"]: one for one in fake.jobs.values()}[f"ad-stream plant {job}"]
    assert after == before


def test_cancel_ends_a_run_and_an_ended_one_is_refused(
    fake: Fake, workspace: Workspace, centre: WorkspaceCentre, file: Path, tmp_path: Path
) -> None:
    jobs_of(fake, workspace, file, tmp_path)
    fake.states = [("RUNNING", None)]
    run = centre.run_now("judge", "ann")
    assert centre.jobs()[1]["running"] == run
    centre.cancel(run, "ann")
    assert centre.runs("judge", 5)[0]["state"] == "cancelled"
    with pytest.raises(InputError, match=f"the run {run} has ended: only one that runs or waits can be cancelled"):
        centre.cancel(run, "ann")


def test_what_is_not_there_is_said(
    fake: Fake, workspace: Workspace, centre: WorkspaceCentre, file: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="there is no job 'nite': did you mean 'night'"):
        centre.run_now("nite", "ann")
    with pytest.raises(InputError, match="is not in http.* yet: 'ad-stream submit --schedules' makes it"):
        centre.run_now("night", "ann")
    with pytest.raises(InputError, match="'night@2026' is no run of a workspace"):
        centre.log("night@2026", 0)
    jobs_of(fake, workspace, file, tmp_path)
    fake.refuse["POST", "/api/2.2/jobs/run-now"] = (403, "PERMISSION_DENIED", "no", {})
    with pytest.raises(WorkspaceError, match="does not let you run the job"):
        centre.run_now("night", "ann")


def test_the_page_shows_the_jobs_of_a_workspace_and_does_what_it_does_here(
    fake: Fake, workspace: Workspace, centre: WorkspaceCentre, file: Path, tmp_path: Path
) -> None:
    jobs_of(fake, workspace, file, tmp_path)
    tables = tmp_path / "tables"
    create(tables)
    page = Served(tables, token=Token("open sesame"), jobs=centre)
    page.http.headers["Authorization"] = "Bearer open sesame"
    try:
        told = page.get("/api/jobs")
        assert [(job["job"], job["last"], job["paused"]) for job in told["jobs"]] == [
            (name, None, None) for name in ("night", "judge", "tidy")
        ]
        assert told["lives"] and told["allowed"]

        def say(**body: str) -> dict[str, str]:
            answer = page.http.post("/api/jobs", json={"owner": "Ada", **body})
            assert answer.status_code == 200, answer.text
            found: dict[str, str] = answer.json()
            return found

        fake.logs, fake.states = "learned 3\n", [("TERMINATED", "SUCCESS")]
        run = say(action="run", job="night")["run"]
        assert page.get("/api/log", run=run) == {"text": "learned 3\n", "end": 10, "over": True}
        assert [row["state"] for row in page.get("/api/runs", job="night")["rows"]] == ["succeeded"]
        say(action="pause", job="night")
        assert page.get("/api/jobs")["jobs"][0]["paused"] is not None, "what was done is seen at once"
        say(action="resume", job="night")
        before = len(fake.asked)
        page.get("/api/jobs")
        first = len(fake.asked)
        page.get("/api/jobs")
        assert before < first == len(fake.asked), "several pages share an answer"
        fake.refuse["POST", "/api/2.2/jobs/run-now"] = (403, "PERMISSION_DENIED", "no", {})
        refused = page.http.post("/api/jobs", json={"owner": "Ada", "action": "run", "job": "night"})
        assert refused.status_code == 404 and "does not let you run the job" in refused.json()["error"]
    finally:
        page.stop()
