"""The job centre of the page: what it tells, who may do what, and what the scheduler makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ad_stream import config as settings
from ad_stream.dashboard.access import Token
from ad_stream.models import stored
from tests.support.scheduled import NOON, Plant
from tests.support.served import Served
from tests.support.written import create, write

TOKEN = "open sesame"
SECTION = {
    "night": {"run": "train", "model": "profile", "last": "14 days", "cron": "30 2 * * *", "time_zone": "Europe/Berlin"},
    "tidy": {"run": "maintain", "every": "1 hour"},
}  # fmt: skip


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    create(tmp_path)
    made = Plant(tmp_path, SECTION, script="echo working >&2; echo '{\"minutes_judged\": 7}'")
    yield made
    made.scheduler.close()


@pytest.fixture
def page(plant: Plant) -> Iterator[Served]:
    running = Served(plant.tables, now=NOON, token=Token(TOKEN), base=plant.config)
    running.http.headers["Authorization"] = f"Bearer {TOKEN}"
    yield running
    running.stop()


def say(page: Served, path: str = "/api/jobs", **body: Any) -> tuple[int, dict[str, Any]]:
    answer = page.http.post(path, json=body)
    return answer.status_code, answer.json()


def test_jobs_with_their_next_time_and_a_run_that_is_asked_for(page: Served, plant: Plant) -> None:
    told = page.get("/api/jobs")
    assert (told["lives"], told["allowed"], told["models"]) == (True, True, [])
    assert [(job["job"], job["next"], job["last"]) for job in told["jobs"]] == [
        ("night", "2026-12-01T01:30:00Z", None),
        ("tidy", "2026-11-30T13:00:00Z", None),
    ]
    assert say(page, action="run", job="tidy", owner="Ada") == (200, {"run": "tidy@20261130T120000Z"})
    assert page.get("/api/log", run="tidy@20261130T120000Z") == {"text": "", "end": 0, "over": False}, (
        "not taken up yet"
    )
    plant.look()
    [row] = page.get("/api/runs", job="tidy")["rows"]
    assert (row["state"], row["reason"], row["counts"]) == (
        "succeeded",
        "asked for by Ada",
        {"minutes_judged": 7},
    )
    log = page.get("/api/log", run=row["run_id"])
    assert log["over"] and log["text"].splitlines()[1:3] == ["working", '{"minutes_judged": 7}']
    assert page.get("/api/log", run=row["run_id"], from_=log["end"])["text"] == ""
    assert page.get("/api/jobs")["jobs"][1]["last"]["state"] == "succeeded"


def test_pause_resume_and_cancel(page: Served, plant: Plant) -> None:
    say(page, action="pause", job="tidy", owner="Ada")
    job = page.get("/api/jobs")["jobs"][1]
    assert (job["paused"]["by"], job["next"]) == ("Ada", None)
    plant.look(NOON + timedelta(hours=1))
    assert plant.rows() == []
    say(page, action="resume", job="tidy", owner="Ada")
    assert page.get("/api/jobs")["jobs"][1]["paused"] is None
    plant.script = "sleep 600"
    say(page, action="run", job="tidy", owner="Ada")
    plant.scheduler.look()
    run = page.get("/api/jobs")["jobs"][1]["running"]
    assert say(page, action="cancel", job="tidy", run=run, owner="Bob")[0] == 200
    plant.settle()
    assert [(row.state, row.reason) for row in plant.rows()] == [("cancelled", "cancelled by Bob")]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"action": "run", "job": "tydy"}, 404, "there is no job 'tydy': did you mean 'tidy'?"),
        ({"action": "cancel", "job": "tidy"}, 400, "cancel names a run, and nothing else does"),
        ({"action": "stop", "job": "tidy"}, 400, "action: Input should be 'run', 'pause'"),
        ({"action": "cancel", "job": "tidy", "run": "../../etc"}, 404, "'../../etc' is no run"),
        ({"action": "pause", "job": "../up"}, 404, "there is no job '../up'"),
    ],
)
def test_what_cannot_be_is_refused(page: Served, body: dict[str, Any], status: int, sentence: str) -> None:
    found, told = say(page, **body, owner="Ada")
    assert found == status and sentence in told["error"]


def test_without_a_scheduler_nothing_is_asked_of_it(page: Served, plant: Plant) -> None:
    plant.scheduler.close()
    told = page.get("/api/jobs")
    assert (told["lives"], told["command"]) == (False, "ad-stream schedule conf/local.yaml")
    assert "no scheduler runs over these tables" in say(page, action="run", job="tidy", owner="Ada")[1]["error"]


def test_without_a_token_the_page_tells_and_changes_nothing(plant: Plant) -> None:
    served = Served(plant.tables, now=NOON, base=plant.config)
    try:
        assert served.get("/api/jobs")["allowed"] is False
        status, told = say(served, action="pause", job="tidy", owner="Ada")
        assert status == 403 and "set AD_STREAM_DASHBOARD_TOKEN" in told["error"]
        status, _ = say(served, "/api/models", name="profile", version=1)
        assert status == 403 and served.get("/api/jobs")["jobs"][1]["paused"] is None
    finally:
        served.stop()


def model(version: int, state: str, **more: Any) -> dict[str, Any]:
    figures = {"series": 4, "learned": 3, "too_short": 1, "failed": 0}
    return {
        "name": "profile", "kind": "profile", "version": version, "group": "1", "state": state, "trained": NOON, "first": NOON,
        "last": NOON, "rows": 10, "figures": json.dumps(figures), "blob": b"x", "sha256": "0",
    } | more  # fmt: skip


def test_a_version_is_switched_back_to(page: Served, plant: Plant) -> None:
    rows = [model(1, "retired"), model(2, "live"), model(2, "candidate", blob=None, figures=None, reason="flat")]
    write(plant.tables, "models", [*rows, model(7, "live", name="seasonal")])

    def states() -> list[tuple[str, str]]:
        return [(f"{row['name']}@{row['version']}", row["state"]) for row in page.get("/api/jobs")["models"]]

    assert states() == [("profile@2", "live"), ("profile@1", "retired"), ("seasonal@7", "live")]
    assert say(page, "/api/models", name="profile", version=1)[0] == 200
    assert states() == [("profile@2", "retired"), ("profile@1", "live"), ("seasonal@7", "live")]
    status, told = say(page, "/api/models", name="profile", version=9)
    assert status == 404 and "there is no model 'profile@9'" in told["error"]
    assert say(page, "/api/models", name="x' OR 1=1 --", version=1)[0] == 404
    stored.activate(plant.tables, "profile", None)
    assert states()[:2] == [("profile@2", "retired"), ("profile@1", "retired")]


def test_tables_elsewhere_are_said_to_be_elsewhere(tmp_path: Path) -> None:
    create(tmp_path)
    base = settings.usual("abfss://x@y/tables")
    served = Served(tmp_path, now=NOON, base=base)
    try:
        answer = served.http.get("/api/jobs")
        assert answer.status_code == 404 and "ad-stream submit --schedules" in answer.json()["error"]
    finally:
        served.stop()
