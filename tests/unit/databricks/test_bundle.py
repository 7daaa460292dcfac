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
            return str(values[name.removeprefix("var.")])
        place: Any = {"resources": resources}
        for part in name.split("."):
            place = place[part]
        return re.sub(r"\$\{([^}]+)\}", value_of, str(place))

    text = re.sub(r"\$\{([^}]+)\}", value_of, json.dumps(resources))
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
    assert ("secret_scopes" in resources) == (target == "prod"), (
        "the scope belongs to the workspace, one target makes it"
    )


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
    assert all(set(spec) <= {"description", "default", "lookup"} for spec in BUNDLE["variables"].values())
    assert all(set(spec) == {"type", "build"} for spec in BUNDLE["artifacts"].values())
    for target in BUNDLE["targets"].values():
        assert set(target) <= {"mode", "default", "workspace", "variables", "resources"}
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
        assert portable.check(config) == [("ad-stream", "eventhub-connection-string"), ("ad-stream", "power-bi-url")]
        assert config.source.kind == STREAMS[name]
        assert config.checkpoint == f"/Volumes/main/iot/ad_stream/{name.removeprefix('stream_')}"
        assert (config.trigger == "available_now") == (name == "stream_serverless")


def of_job(name: str) -> settings.Config:
    task = resolved("prod")["jobs"][name]["tasks"][0]["spark_python_task"]
    script = runpy.run_path(str(ROOT / task["python_file"]), run_name="looked_at")
    arguments = script["parser"].parse_args(task["parameters"])
    return settings.load(ROOT / arguments.config.removeprefix(f"{FILES}/"), overrides(arguments.set))


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
    assert ours == (theirs and {key: value for key, value in theirs.items() if key != "custom_tags"})


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
    command = [str(CLI), "bundle", "validate", "-t", target, "--var", "notify=ops@example.com", "--strict"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
