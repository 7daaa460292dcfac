"""databricks.yml: every resource by the classes of databricks-bundles, every task by the rules of the fake workspace,
every argument by the script that gets it; with the Databricks CLI on the PATH also by the CLI itself.
"""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import zipfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from databricks.bundles.alerts import Alert
from databricks.bundles.dashboards import Dashboard
from databricks.bundles.jobs import Job
from databricks.bundles.schemas import Schema
from databricks.bundles.secret_scopes import SecretScope
from databricks.bundles.volumes import Volume

from ad_stream import config as settings
from ad_stream.config.overrides import overrides
from ad_stream.databricks import portable
from ad_stream.databricks.plan import Cluster, Plan
from ad_stream.times import day_or_moment
from tests.unit.databricks.fake_workspace import ME, TOKEN, Fake

ROOT = Path(__file__).resolve().parents[3]
BUNDLE = yaml.safe_load((ROOT / "databricks.yml").read_text(encoding="utf-8"))
CLASSES: dict[str, Any] = {
    "alerts": Alert, "dashboards": Dashboard, "jobs": Job, "schemas": Schema, "secret_scopes": SecretScope, "volumes": Volume,
}  # fmt: skip
FILES = f"/Workspace/Users/{ME}/.bundle/ad_stream/prod/files"
GIVEN = {
    "workspace.file_path": FILES,
    "workspace.current_user.userName": ME,
    "workspace.current_user.short_name": "me",
    "bundle.name": "ad_stream",
    "bundle.target": "prod",
}
STREAMS = {"stream_kafka": "kafka", "stream_event_hubs": "event_hubs", "stream_serverless": "kafka"}
TASK_KEYS = {"stream_kafka", "stream_event_hubs", "stream_serverless", "backfill", "maintain"}


def resolved(target: str, **variables: str) -> dict[str, Any]:
    """The resources of a target as the CLI would send them: references replaced, nothing left that begins with ${."""
    chosen = BUNDLE["targets"][target]
    values = {name: spec["default"] for name, spec in BUNDLE["variables"].items() if "default" in spec}
    values |= {"notify": "ops@example.com", "warehouse_id": "abc123"} | chosen.get("variables", {}) | variables
    resources = {kind: dict(members) for kind, members in BUNDLE["resources"].items()}
    for kind, members in chosen.get("resources", {}).items():
        resources.setdefault(kind, {}).update(members)

    def value_of(reference: re.Match[str]) -> str:
        name = reference[1]
        if name in GIVEN:
            return GIVEN[name]
        if name.startswith("var."):
            return re.sub(r"\$\{([^}]+)\}", value_of, str(values[name.removeprefix("var.")]))
        place: Any = {"resources": resources}
        for part in name.split("."):
            place = place[part]
        return re.sub(r"\$\{([^}]+)\}", value_of, str(place))

    def whole(reference: re.Match[str]) -> str:
        value = values.get(reference[1])
        return reference[0] if value is None or isinstance(value, str) else json.dumps(value)

    # A variable that holds more than a text stands for a whole value.
    text = re.sub(r'"\$\{var\.([^}]+)\}"', whole, json.dumps(resources))
    text = re.sub(r"\$\{([^}]+)\}", value_of, text)
    assert "${" not in text
    return dict(json.loads(text))


@pytest.mark.parametrize("target", ["dev", "prod"])
def test_every_resource_is_taken_by_the_classes_of_databricks(target: str) -> None:
    resources = resolved(target)
    assert set(resources) <= set(CLASSES)
    for kind, members in resources.items():
        for member in members.values():
            CLASSES[kind].from_dict(member)
    assert set(resources["jobs"]) == TASK_KEYS
    assert resources["secret_scopes"]["ad_stream"]["name"] == {"dev": "ad-stream-me", "prod": "ad-stream"}[target], (
        "a workspace may hold both targets, and a scope belongs to the whole of it"
    )


def test_a_reader_is_granted_nothing_that_holds_messages() -> None:
    for target in BUNDLE["targets"]:
        assert [one["privileges"] for one in resolved(target)["schemas"]["iot"]["grants"]] == [["USE_SCHEMA"]]


def test_prod_runs_as_a_service_principal_that_has_to_be_named() -> None:
    assert BUNDLE["targets"]["prod"]["run_as"] == {"service_principal_name": "${var.run_as}"}
    assert BUNDLE["variables"]["run_as"]["default"] == ""


def test_policy_and_tags_of_jobs_and_clusters_are_variables() -> None:
    jobs = resolved("prod", policy_id="ABC", tags={"cost_center": "42"})["jobs"]  # type: ignore[arg-type]
    clusters = [task["new_cluster"] for job in jobs.values() for task in job["tasks"] if "new_cluster" in task]
    assert {job["tags"]["cost_center"] for job in jobs.values()} == {"42"}
    assert [(one["policy_id"], one["custom_tags"]) for one in clusters] == [("ABC", {"cost_center": "42"})] * 2


def test_no_job_defaults_to_a_date_that_passes() -> None:
    assert re.findall(r"\b20\d\d-\d\d-\d\d\b", (ROOT / "databricks.yml").read_text(encoding="utf-8")) == []
    given = {one["name"]: one["default"] for one in resolved("prod")["jobs"]["backfill"]["parameters"]}
    noon = datetime(2026, 11, 29, 12, 30, tzinfo=timezone.utc)
    span = [day_or_moment(given[name], noon) for name in ("from", "to")]
    assert span == [datetime(2026, 11, day, tzinfo=timezone.utc) for day in (28, 29)]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("jobs", "backfill", "continous"), {}),
        (("jobs", "stream_kafka", "continuous", "task_retry_mode"), "SOMETIMES"),
        (("volumes", "state", "volume_type"), "LARGE"),
        (("jobs", "stream_kafka", "health", "rules"), [{"metric": "LAG", "op": "GREATER_THAN", "value": 1}]),
    ],
)
def test_a_mistake_in_a_resource_would_be_seen(place: tuple[str, ...], value: Any) -> None:
    resources = resolved("prod")
    where: Any = resources
    for part in place[:-1]:
        where = where[part]
    where[place[-1]] = value
    with pytest.raises((ValueError, TypeError)):
        for kind, members in resources.items():
            for member in members.values():
                CLASSES[kind].from_dict(member)


def test_what_stands_beside_the_resources_is_known_to_the_cli() -> None:
    """The CLI only warns of an unknown key, so a misspelt one would be lost."""
    assert set(BUNDLE) == {"bundle", "variables", "artifacts", "sync", "resources", "targets"}
    assert all(set(spec) <= {"description", "default", "lookup", "type"} for spec in BUNDLE["variables"].values())
    assert all(set(spec) == {"type", "build"} for spec in BUNDLE["artifacts"].values())
    for target in BUNDLE["targets"].values():
        assert set(target) <= {"mode", "default", "workspace", "variables", "resources", "run_as"}
        assert set(target.get("variables", {})) <= set(BUNDLE["variables"])


@pytest.mark.parametrize("name", sorted(TASK_KEYS))
def test_the_workspace_takes_each_job_with_its_files(name: str, tmp_path: Path) -> None:
    """Paths as the CLI rewrites them; arguments are read by the script's own parser."""
    text = json.dumps(resolved("prod", kafka="PAUSED")["jobs"][name])
    job = json.loads(text.replace('"./jobs/', f'"{FILES}/jobs/').replace("./dist/*.whl", f"{FILES}/a.whl"))
    fake = Fake(tmp_path)
    for file in ("conf/databricks.yaml", "jobs/stream.py", "jobs/backfill.py", "jobs/maintain.py"):
        fake.files[f"{FILES}/{file}".removeprefix("/Workspace")] = (ROOT / file).read_bytes()
    fake.files[f"{FILES}/a.whl".removeprefix("/Workspace")] = b"PK"
    fake.check_tasks(job)


@pytest.mark.parametrize("name", sorted(TASK_KEYS))
def test_the_arguments_make_a_configuration_that_can_run_there(name: str) -> None:
    config = of_job(name)
    assert (config.tables.catalog, config.tables.schema_) == ("main", "iot")
    if name in STREAMS:
        assert portable.check(config) == [("ad-stream", "eventhub-connection-string")]
        assert config.source.kind == STREAMS[name]
        assert config.checkpoint == f"/Volumes/main/iot/ad_stream/{name.removeprefix('stream_')}"
        assert (config.trigger == "available_now") == (name == "stream_serverless")


def test_a_second_target_in_the_workspace_reads_its_own_scope() -> None:
    assert portable.check(of_job("stream_kafka", "dev")) == [("ad-stream-me", "eventhub-connection-string")]


def of_job(name: str, target: str = "prod") -> settings.Config:
    task = resolved(target)["jobs"][name]["tasks"][0]["spark_python_task"]
    script = runpy.run_path(str(ROOT / task["python_file"]), run_name="looked_at")
    arguments = script["parser"].parse_args(task["parameters"])
    return settings.load(
        ROOT / arguments.config.removeprefix(f"{FILES}/"), overrides(arguments.set), scope=arguments.scope
    )


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_the_bundle_and_submit_ask_for_the_same_compute(name: str) -> None:
    job = resolved("prod")["jobs"][name]
    task = job["tasks"][0]
    on = name == "stream_serverless"
    cluster = Cluster(node_type="Standard_D4ds_v5")
    plan = Plan(
        kind="stream", config=of_job(name), arguments=[], files=".", wheel="dist/*.whl", serverless=on, cluster=cluster
    )
    planned = plan.job("any", notify=["ops@example.com"], paused=False).as_dict()
    assert task.get("libraries") == planned["tasks"][0].get("libraries")
    assert job.get("environments") == planned.get("environments")
    for key in ("health", "email_notifications", "max_concurrent_runs"):
        assert job[key] == planned[key]
    ours, theirs = task.get("new_cluster"), planned["tasks"][0].get("new_cluster")
    of_the_owner = ("custom_tags", "policy_id")
    for one in (ours, theirs):
        for key in of_the_owner if one else ():
            one.pop(key, None)
    assert ours == theirs


def test_only_one_stream_starts_by_itself_and_none_in_dev() -> None:
    def running(target: str) -> list[str]:
        jobs = resolved(target)["jobs"]
        return [name for name in STREAMS if jobs[name]["continuous"]["pause_status"] == "UNPAUSED"]

    assert (running("dev"), running("prod")) == ([], ["stream_kafka"])


@pytest.mark.slow
def test_the_wheel_is_built_where_the_jobs_look_for_it_and_holds_what_submit_sends(tmp_path: Path) -> None:
    build = BUNDLE["artifacts"]["wheel"]["build"].replace("python ", f"{shlex.quote(sys.executable)} ")
    assert build.endswith("--wheel-dir dist")
    command = [
        *shlex.split(build)[:-1],
        str(tmp_path),
        "--no-build-isolation",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    [wheel] = tmp_path.glob("ad_stream-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "ad_stream/jobs/stream.py",
        "ad_stream/jobs/backfill.py",
        "ad_stream/cli/databricks.py",
        "ad_stream/py.typed",
    } <= held
    assert not any(name.split("/")[0] in ("tests", "conf", "jobs", "benchmarks") for name in held)


CLI = shutil.which("databricks")
by_the_cli = [pytest.mark.soak, pytest.mark.skipif(CLI is None, reason="the Databricks CLI is not on the PATH")]


@pytest.mark.parametrize("_", [pytest.param(None, marks=by_the_cli)])
def test_the_bundle_keeps_to_the_json_schema_that_the_cli_prints(_: None) -> None:
    schema = json.loads(
        subprocess.run([str(CLI), "bundle", "schema"], check=True, capture_output=True, text=True).stdout
    )
    assert [str(error) for error in jsonschema_rs.validator_for(schema).iter_errors(BUNDLE)] == []


@pytest.mark.parametrize("target", [pytest.param(target, marks=by_the_cli) for target in ("dev", "prod")])
def test_the_cli_validates_the_bundle_against_the_fake_workspace(fake: Fake, target: str, tmp_path: Path) -> None:
    environment = {
        "DATABRICKS_HOST": fake.url,
        "DATABRICKS_TOKEN": TOKEN,
        "PATH": str(Path(str(CLI)).parent),
        "HOME": str(tmp_path),
    }
    command = [
        str(CLI),
        "bundle",
        "validate",
        "-t",
        target,
        "--var",
        "notify=ops@example.com",
        "--var",
        f"run_as={ME}",
        "--strict",
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
