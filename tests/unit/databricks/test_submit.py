"""`ad-stream submit` against a workspace that speaks the real REST API and refuses what the real one would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ad_stream import config as settings
from ad_stream.cli import app
from ad_stream.config.overrides import overrides
from ad_stream.databricks.plan import Cluster
from ad_stream.databricks.run import Order, Submitted, submit
from ad_stream.databricks.workspace import Workspace
from ad_stream.errors import AdStreamError, ConfigError, InputError, RunError, WorkspaceError
from tests.unit.databricks.fake_workspace import ME, TOKEN, Fake

SHIPPED = Path(__file__).resolve().parents[3] / "conf" / "databricks.yaml"
FOLDER = f"/Workspace/Users/{ME}/.ad_stream"
RUN = ("POST", "/api/2.2/jobs/runs/submit")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "ad_stream-0.1.0-py3-none-any.whl"
    path.write_bytes(b"PK")
    return path


def order(wheel: Path, *sets: str, file: Path = SHIPPED, **more: Any) -> Order:
    return Order(file=file, config=settings.load(file, overrides(sets)), overrides=sets, wheel=wheel, **more)


def sent(wanted: Order, workspace: Workspace, **more: Any) -> tuple[Submitted, list[str]]:
    told: list[str] = []
    return submit(wanted, workspace, progress=told.append, sleep=lambda _: None, **more), told


def test_a_backfill_runs_to_its_end_on_serverless_and_tells_its_page(
    fake: Fake, workspace: Workspace, wheel: Path
) -> None:
    done, told = sent(order(wheel, "detection.sensitivity=90", span=("2026-11-01", "2026-11-02")), workspace)

    assert (done.state, done.job_id) == ("succeeded", None)
    assert done.page in told and str(done.run_id) in done.page
    assert [line.split()[0] for line in told[-3:]] == ["pending", "running", "terminated"]
    assert sorted(Path(path).name for path in fake.files) == [
        "ad_stream-0.1.0-py3-none-any.whl",
        "backfill.py",
        "config.yaml",
    ]
    assert fake.files[f"/Users/{ME}/.ad_stream/ad-stream-backfill-databricks/config.yaml"] == SHIPPED.read_bytes()
    assert done.sentence() == f"the run has succeeded: {done.page}"


@pytest.mark.parametrize("compute", ["auto", "serverless"])
def test_what_migrate_writes_is_submitted_unchanged(
    fake: Fake, workspace: Workspace, wheel: Path, tmp_path: Path, compute: str
) -> None:
    old, new = tmp_path / "old.py", tmp_path / "new.yaml"
    old.write_text('spark.readStream.format("eventhubs").load()\nStructField("temperature", DoubleType())\n')
    words = ["migrate", str(old), "--databricks", "--scope", "ad-stream", "--compute", compute, "--out", str(new)]
    assert CliRunner().invoke(app, words).exit_code == 0
    done, _ = sent(order(wheel, file=new, job="iot", compute=compute), workspace)
    task = fake.jobs[int(done.job_id or 0)]["tasks"][0]
    assert fake.files[f"/Users/{ME}/.ad_stream/iot/config.yaml"] == new.read_bytes()
    assert ("new_cluster" in task) == (compute == "auto")


def test_the_stream_of_an_event_hub_gets_the_connector_and_the_last_runtime_that_takes_it(
    fake: Fake, workspace: Workspace, wheel: Path
) -> None:
    wanted = order(wheel, "source.kind=event_hubs")
    done, told = sent(wanted, workspace)

    assert done.state == "running" and told[-1].startswith("running"), "an endless run is not waited for"
    plan_of = fake.runs[int(done.run_id or 0)]["run_name"]
    assert plan_of == "ad-stream stream databricks"


def requests_of(fake: Fake, path: str) -> int:
    return sum(asked == path for _, asked in fake.asked)


def test_what_a_job_is_made_of(fake: Fake, workspace: Workspace, wheel: Path) -> None:
    wanted = order(wheel, "source.kind=event_hubs", job="iot", notify=["ops@example.com"])
    done, told = sent(wanted, workspace)
    job = fake.jobs[int(done.job_id or 0)]
    task = job["tasks"][0]

    assert (done.state, told[-1].split()[0]) == ("running", "running")
    assert f"{fake.url}/jobs/{done.job_id}" in told
    assert task["new_cluster"]["spark_version"] == "16.4.x-scala2.12"
    assert task["new_cluster"]["node_type_id"] == "Standard_D4ds_v5", "the smallest of four cores with a disk"
    assert {"maven": {"coordinates": "com.microsoft.azure:azure-eventhubs-spark_2.12:2.3.22"}} in task["libraries"]
    assert task["spark_python_task"]["parameters"] == [
        "--config",
        f"{FOLDER}/iot/config.yaml",
        "--set",
        "source.kind=event_hubs",
    ]
    assert job["continuous"] == {"pause_status": "UNPAUSED", "task_retry_mode": "ON_FAILURE"}
    assert job["email_notifications"]["on_streaming_backlog_exceeded"] == ["ops@example.com"]


def test_a_second_order_changes_the_job_and_restarts_its_run(fake: Fake, workspace: Workspace, wheel: Path) -> None:
    first, _ = sent(order(wheel, "trigger=available_now", job="iot"), workspace)
    run = set(fake.runs)
    second, _ = sent(order(wheel, "trigger=available_now", "detection.sensitivity=80", job="iot"), workspace)

    assert first.job_id == second.job_id and len(fake.jobs) == 1
    assert run - set(fake.runs) == run, "the run of the old settings was ended"
    job = fake.jobs[int(second.job_id or 0)]
    assert job["tasks"][0]["environment_key"] == job["environments"][0]["environment_key"]
    assert "detection.sensitivity=80" in job["tasks"][0]["spark_python_task"]["parameters"]


def test_a_paused_job_starts_nothing(fake: Fake, workspace: Workspace, wheel: Path) -> None:
    done, _ = sent(order(wheel, job="iot", paused=True), workspace)
    assert (done.state, fake.runs) == ("paused", {})


def test_a_job_that_somebody_else_made_is_left_alone(fake: Fake, workspace: Workspace, wheel: Path) -> None:
    fake.jobs[7] = {"name": "iot", "tags": {}}
    with pytest.raises(
        WorkspaceError, match=r"has 1 jobs 'iot', not all made by ad-stream: name another one with --job"
    ):
        sent(order(wheel, job="iot"), workspace)
    assert fake.jobs == {7: {"name": "iot", "tags": {}}}


def test_without_waiting_only_the_start_is_told(fake: Fake, workspace: Workspace, wheel: Path) -> None:
    done, _ = sent(order(wheel, span=("2026-11-01", "2026-11-02")), workspace, wait=False)
    assert done.state == "submitted" and requests_of(fake, "/api/2.2/jobs/runs/get") == 0


def test_a_failed_run_ends_with_its_own_last_words(fake: Fake, workspace: Workspace, wheel: Path) -> None:
    fake.states = [("RUNNING", None), ("TERMINATED", "FAILED")]
    fake.error = "ConfigError: there is no topic or event hub 'iot'"
    with pytest.raises(
        RunError, match=r"the run ended as failed \(ConfigError: there is no topic .*\): its log is at http"
    ):
        sent(order(wheel, span=("2026-11-01", "2026-11-02")), workspace)


def test_a_wait_for_a_cluster_says_each_minute_that_it_still_waits(
    fake: Fake, workspace: Workspace, wheel: Path
) -> None:
    fake.states, fake.message = [*[("PENDING", None)] * 40, ("TERMINATED", "SUCCESS")], "Waiting for cluster"
    _, told = sent(order(wheel, span=("2026-11-01", "2026-11-02")), workspace)
    waits = [line for line in told if line.startswith("pending")]
    assert waits == [f"pending after {seconds} s: Waiting for cluster" for seconds in (0, 60, 120, 180)]


def test_a_cluster_that_the_cloud_has_no_room_for_is_told_as_the_workspace_says_it(
    fake: Fake, workspace: Workspace, wheel: Path
) -> None:
    fake.states, fake.message = (
        [("PENDING", None), ("INTERNAL_ERROR", "FAILED")],
        "AZURE_QUOTA_EXCEEDED_EXCEPTION: 10 cores",
    )
    with pytest.raises(RunError, match=r"AZURE_QUOTA_EXCEEDED_EXCEPTION: 10 cores"):
        sent(order(wheel), workspace)


@pytest.mark.parametrize(
    ("path", "status", "code", "message", "kind", "sentence"),
    [
        ("/api/2.2/jobs/runs/submit", 403, "PERMISSION_DENIED", "You are not allowed to create clusters.", WorkspaceError,
         r"does not let you submit the run \(403: You are not allowed to create clusters\): ask an administrator for the right to create"),
        ("/api/2.2/jobs/runs/submit", 400, "QUOTA_EXCEEDED", "The quota for the number of runs has been reached.", WorkspaceError,
         r"has no room left to submit the run \(QUOTA_EXCEEDED: The quota .* reached\): end or delete what is no longer needed"),
        ("/api/2.2/jobs/runs/submit", 429, "RESOURCE_EXHAUSTED", "Too many requests.", RunError,
         r"takes no more requests for now \(429, to submit the run\): try again in some minutes"),
        ("/api/2.2/jobs/runs/submit", 400, "INVALID_PARAMETER_VALUE", "Invalid spark version 1.x.", WorkspaceError,
         r"refused to submit the run \(INVALID_PARAMETER_VALUE: Invalid spark version 1.x\): change that setting"),
        ("/api/2.0/workspace/mkdirs", 404, "RESOURCE_DOES_NOT_EXIST", "Path (/Users/ann) does not exist.", WorkspaceError,
         r"found something missing, to write into /Workspace/Users/ann@example.com.*\(404: Path \(/Users/ann\) does not exist\)"),
        ("/api/2.0/workspace/import", 500, "INTERNAL_ERROR", "ouch", RunError, r"failed to write into .* \(INTERNAL_ERROR: ouch\)"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence_with_the_way_out(
    fake: Fake, workspace: Workspace, wheel: Path, path: str, status: int, code: str, message: str,
    kind: type[AdStreamError], sentence: str,
) -> None:  # fmt: skip
    fake.refuse["POST", path] = (status, code, message, {"Retry-After": "5"} if status == 429 else {})
    with pytest.raises(kind, match=sentence) as raised:
        sent(order(wheel), workspace)
    assert "\n" not in str(raised.value) and TOKEN not in str(raised.value)


def test_a_request_that_was_throttled_once_is_repeated_without_a_second_run(
    fake: Fake, workspace: Workspace, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.refuse[RUN] = (429, "REQUEST_LIMIT_EXCEEDED", "slow down", {"Retry-After": "1"})
    clock = workspace.client.config.clock
    slept = clock.sleep

    def relent(seconds: float) -> None:
        fake.refuse.clear()
        slept(seconds)

    monkeypatch.setattr(clock, "sleep", relent)
    done, _ = sent(order(wheel), workspace)
    assert done.state == "running" and len(fake.runs) == 1 and fake.asked.count(RUN) == 2


@pytest.mark.parametrize(
    ("scopes", "sentence"),
    [
        ({}, r"has no secret scope 'ad-stream': 'databricks secrets create-scope ad-stream' makes it"),
        (
            {"ad-stream": {"power-bi-url"}},
            r"has no key 'eventhub-connection-string': 'databricks secrets put-secret ad-stream event",
        ),
    ],
)
def test_a_secret_that_is_missing_is_found_before_anything_is_sent(
    fake: Fake, workspace: Workspace, wheel: Path, scopes: dict[str, set[str]], sentence: str
) -> None:
    fake.scopes = scopes
    with pytest.raises(WorkspaceError, match=sentence):
        sent(order(wheel), workspace)
    assert fake.files == {} and fake.runs == {}


def test_secrets_that_may_not_be_listed_are_left_to_the_run(fake: Fake, workspace: Workspace, wheel: Path) -> None:
    fake.refuse["GET", "/api/2.0/secrets/list"] = (403, "PERMISSION_DENIED", "no LIST on the scope", {})
    assert sent(order(wheel), workspace)[0].state == "running"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tables": {"path": "out"}}, r"'tables.path' is 'out', a place of this machine: write tables: \{catalog"),
        (
            {"checkpoint": ".ad_stream/checkpoint"},
            r"'checkpoint' is '.ad_stream/checkpoint', a place of this machine: name a folder of",
        ),
        ({"source": {"kind": "files", "path": "in"}}, r"'source.path' is 'in', a place of this machine"),
        ({"fallback": {"endpoint": "http://x", "key": "0123456789"}}, r"'fallback.key' holds a secret itself"),
        (
            {"push": [{"kind": "power_bi", "url": "${env:URL}"}]},
            r"'push.0.url' refers to \$\{env:URL\}, a variable of this machine",
        ),
    ],
)
def test_a_configuration_of_this_machine_is_not_sent(
    fake: Fake, workspace: Workspace, wheel: Path, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    file = tmp_path / "local.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(SHIPPED.read_text()) | change))
    with pytest.raises(ConfigError, match=sentence) as raised:
        sent(order(wheel, file=file), workspace)
    assert fake.asked == [] and "0123456789" not in str(raised.value)


@pytest.mark.parametrize(
    ("sets", "sentence"),
    [
        (("source.kind=event_hubs", "trigger=available_now"), "serverless compute takes no jars"),
        ((), "serverless compute knows no trigger but available_now: add --set trigger=available_now"),
    ],
)
def test_what_serverless_cannot_run_is_said_before_the_workspace_is_asked(
    fake: Fake, workspace: Workspace, wheel: Path, sets: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        sent(order(wheel, *sets, compute="serverless"), workspace)
    assert fake.asked == []


def test_a_missing_wheel_is_named_with_the_command_that_makes_it(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"--wheel 'nothing.whl' is no wheel: 'python -m pip wheel"):
        sent(order(Path("nothing.whl")), workspace)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"there is no wheel of ad-stream in dist/: 'python -m pip wheel"):
        sent(Order(file=SHIPPED, config=settings.load(SHIPPED)), workspace)


def asked(monkeypatch: pytest.MonkeyPatch, *arguments: str, **variables: str) -> Any:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CONFIG_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "no/such/file")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(app, ["submit", *arguments])


def test_the_command_line_prints_the_page_and_json(fake: Fake, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = [
        str(SHIPPED),
        "--wheel",
        str(wheel),
        "--from",
        "2026-11-01",
        "--to",
        "2026-11-02",
        "--no-wait",
        "--json",
    ]
    answer = asked(monkeypatch, *arguments, DATABRICKS_HOST=fake.url, DATABRICKS_TOKEN=TOKEN)
    told = json.loads(answer.stdout)
    assert answer.exit_code == 0 and told["page"] == f"{fake.url}/jobs/runs/{told['run_id']}"
    assert TOKEN not in answer.output


def test_a_token_that_the_workspace_does_not_know_is_a_sentence(
    fake: Fake, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asked(monkeypatch, str(SHIPPED), "--wheel", str(wheel), DATABRICKS_HOST=fake.url, DATABRICKS_TOKEN="wrong")
    assert isinstance(answer.exception, WorkspaceError)
    assert str(answer.exception).startswith(
        f"{fake.url} does not know who asks (401): log in anew with 'databricks auth login"
    )


def test_nobody_to_log_in_to_is_a_sentence(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = asked(monkeypatch, str(SHIPPED), "--wheel", str(wheel), DATABRICKS_AUTH_TYPE="pat")
    assert isinstance(answer.exception, WorkspaceError) and "\n" not in str(answer.exception)
    assert "names no workspace to log in to" in str(answer.exception)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--from", "2026-11-01"], "a backfill needs both --from and --to"),
        (["--from", "2026-11-02", "--to", "2026-11-01"], "--from 2026-11-02 is not before --to 2026-11-01: swap them"),
        (["--from", "2026-11-01", "--to", "2026-11-02", "--job", "x"], "--job makes a permanent job of the stream"),
    ],
)
def test_a_span_that_makes_no_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    answer = asked(monkeypatch, str(SHIPPED), *arguments)
    assert isinstance(answer.exception, InputError) and sentence in str(answer.exception)


def test_a_policy_is_handed_to_the_cluster(fake: Fake, workspace: Workspace, wheel: Path) -> None:
    wanted = order(wheel, job="iot", cluster=Cluster(policy="ABC123"))
    done, _ = sent(wanted, workspace)
    assert fake.jobs[int(done.job_id or 0)]["tasks"][0]["new_cluster"]["policy_id"] == "ABC123"
