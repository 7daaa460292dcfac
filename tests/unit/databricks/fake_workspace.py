"""A Databricks workspace on 127.0.0.1: the part of its REST API that `ad-stream submit` speaks, and its rules.

It checks each request as the real one does, and more: fields by the classes of databricks-bundles, one compute per task, jars only
where they run, files that were uploaded before a task names them, arguments by the parser of the uploaded script.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from databricks.bundles.jobs import Job, JobEnvironment, Task

QUARTZ = re.compile(r"\S+ \S+ \S+ (?:[\dL,*/]+ \S+ \?|\? \S+ [A-Z,]+)(?: \d{4})?")
"""One of day and weekday is ?."""
TOKEN = "dapi-0123456789abcdef"
ME = "ann@example.com"
RUNTIMES = {"15.4.x-scala2.12", "16.4.x-scala2.12", "16.4.x-scala2.13", "17.3.x-scala2.13"}
SUCCESS = [("PENDING", None), ("RUNNING", None), ("TERMINATED", "SUCCESS")]


def node(name: str, cores: float, *, disk: bool) -> dict[str, Any]:
    local = {"local_disks": 1, "local_disk_size_gb": 150} if disk else {"local_disks": 0}
    return {
        "node_type_id": name, "memory_mb": int(cores * 4096), "num_cores": cores, "description": name, "instance_type_id": name,
        "category": "General Purpose", "is_deprecated": False, "node_instance_type": {"instance_type_id": name, **local},
    }  # fmt: skip


NODES = [
    node("Standard_D4s_v5", 4, disk=False),
    node("Standard_D8ds_v5", 8, disk=True),
    node("Standard_D4ds_v5", 4, disk=True),
]


WAREHOUSES = [{"id": "abc123", "name": "Serverless Starter Warehouse", "state": "RUNNING"}]


class RefusalError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def invalid(message: str) -> RefusalError:
    return RefusalError(400, "INVALID_PARAMETER_VALUE", message)


@dataclass
class Fake:
    """refuse: (method, path) -> (status, code, message, headers) for requests there. states: what a run goes through."""

    scratch: Path
    scopes: dict[str, set[str]] = field(
        default_factory=lambda: {"ad-stream": {"eventhub-connection-string", "power-bi-url"}}
    )
    refuse: dict[tuple[str, str], tuple[int, str, str, dict[str, str]]] = field(default_factory=dict)
    states: list[tuple[str, str | None]] = field(default_factory=lambda: list(SUCCESS))
    message: str = ""
    error: str = ""
    logs: str = ""
    folders: set[str] = field(default_factory=lambda: {f"/Users/{ME}"})
    files: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[int, dict[str, Any]] = field(default_factory=dict)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    looks: dict[int, int] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(501))

    def answer(
        self, method: str, path: str, query: dict[str, str], body: dict[str, Any], sent: bytes
    ) -> dict[str, Any]:
        if path == "/.well-known/databricks-config":  # what the SDK looks up by itself
            return {"oidc_endpoint": f"{self.url}/oidc", "workspace_id": "1", "account_id": "2"}
        self.asked.append((method, path))
        if (method, path) in self.refuse:
            status, code, message, _ = self.refuse[method, path]
            raise RefusalError(status, code, message)
        routes: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
            ("GET", "/api/2.0/preview/scim/v2/Me"): lambda: {"id": "1", "userName": ME, "active": True},
            ("GET", "/api/2.0/secrets/list"): lambda: self.secrets(query["scope"]),
            ("GET", "/api/2.1/clusters/list-node-types"): lambda: {"node_types": NODES},
            ("GET", "/api/2.0/sql/warehouses"): lambda: {"warehouses": WAREHOUSES},
            ("POST", "/api/2.0/workspace/mkdirs"): lambda: self.made_folder(body["path"]),
            ("POST", "/api/2.0/workspace/import"): lambda: self.imported(body, sent),
            ("POST", "/api/2.2/jobs/runs/submit"): lambda: self.submitted(body),
            ("GET", "/api/2.2/jobs/list"): lambda: self.named(query.get("name")),
            ("GET", "/api/2.2/jobs/get"): lambda: self.got(int(query["job_id"])),
            ("POST", "/api/2.2/jobs/update"): lambda: self.updated(body["job_id"], body["new_settings"]),
            ("POST", "/api/2.2/jobs/run-now"): lambda: self.run_now(body["job_id"]),
            ("POST", "/api/2.2/jobs/runs/cancel"): lambda: self.cancelled_run(body["run_id"]),
            ("POST", "/api/2.2/jobs/create"): lambda: {"job_id": self.made(next(self.numbers), body)},
            ("POST", "/api/2.2/jobs/reset"): lambda: {"job_id": self.made(body["job_id"], body["new_settings"])},
            ("POST", "/api/2.2/jobs/runs/cancel-all"): lambda: self.cancelled(body["job_id"]),
            ("GET", "/api/2.2/jobs/runs/list"): lambda: self.of_job(int(query["job_id"])),
            ("GET", "/api/2.2/jobs/runs/get"): lambda: self.looked_at(int(query["run_id"])),
            ("GET", "/api/2.2/jobs/runs/get-output"): lambda: {"error": self.error, "logs": self.logs, "metadata": {}},
        }
        if (method, path) not in routes:
            raise RefusalError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {path}'")
        return routes[method, path]()

    def secrets(self, scope: str) -> dict[str, Any]:
        if scope not in self.scopes:
            raise RefusalError(404, "RESOURCE_DOES_NOT_EXIST", f"Scope {scope} does not exist!")
        return {"secrets": [{"key": key} for key in sorted(self.scopes[scope])]}

    def named(self, name: str | None) -> dict[str, Any]:
        """The real filter does not look at case either."""
        fits = (job for job in self.jobs.items() if name is None or job[1]["name"].lower() == name.lower())
        found = [{"job_id": n, "settings": job} for n, job in fits]
        return {"jobs": found, "has_more": False}

    def cancelled(self, job: int) -> dict[str, Any]:
        """A continuous job starts its next run by itself."""
        ended = [n for n, run in self.runs.items() if run.get("job_id") == job]
        for number in ended:
            del self.runs[number]
            self.runs[self.started(self.jobs[job]["name"])]["job_id"] = job
        return {}

    def got(self, job: int) -> dict[str, Any]:
        return {"job_id": job, "settings": self.jobs[job]}

    def updated(self, job: int, settings: dict[str, Any]) -> dict[str, Any]:
        """Top-level fields are replaced, the others stay."""
        self.made(job, self.jobs[job] | settings)
        return {}

    def run_now(self, job: int) -> dict[str, Any]:
        number = self.started(self.jobs[job]["name"])
        self.runs[number] |= {"job_id": job, "start_time": 1_795_000_000_000}
        return {"run_id": number, "number_in_job": number}

    def cancelled_run(self, run: int) -> dict[str, Any]:
        self.states, self.looks[run] = [("TERMINATED", "CANCELED")], 0
        return {}

    def imported(self, fields: dict[str, Any], content: bytes) -> dict[str, Any]:
        path = fields["path"]
        if path.rpartition("/")[0] not in self.folders:
            raise RefusalError(
                404, "RESOURCE_DOES_NOT_EXIST", f"The parent folder ({path.rpartition('/')[0]}) does not exist."
            )
        if path in self.files and fields.get("overwrite") != "true":
            raise RefusalError(400, "RESOURCE_ALREADY_EXISTS", f"Path ({path}) already exists.")
        assert fields["format"] == "AUTO" and len(content) < 10 * 2**20
        assert not content.startswith(b"# Databricks notebook source"), "it would become a notebook and lose its suffix"
        self.files[path] = content
        return {}

    def submitted(self, body: dict[str, Any]) -> dict[str, Any]:
        if not 1 <= len(body.get("idempotency_token", "")) <= 64:
            raise invalid("idempotency_token")
        unknown = set(body) - {"run_name", "tasks", "environments", "idempotency_token", "queue", "timeout_seconds"}
        if unknown:
            raise invalid(f"unknown fields {unknown}")
        self.check_tasks(body)
        return {"run_id": self.started(body["run_name"])}

    def made_folder(self, path: str) -> dict[str, Any]:
        self.folders.add(path)
        return {}

    def made(self, number: int, settings: dict[str, Any]) -> int:
        Job.from_dict(cast("Any", settings))
        if settings.get("continuous") and (settings.get("schedule") or settings.get("max_concurrent_runs") != 1):
            raise invalid("A continuous job has no schedule and one run at a time.")
        if settings.get("schedule") and not QUARTZ.fullmatch(settings["schedule"]["quartz_cron_expression"]):
            raise invalid("quartz_cron_expression")
        self.check_tasks(settings)
        started = number in self.jobs and self.of_job(number)["runs"]
        self.jobs[number] = settings
        if settings.get("continuous", {}).get("pause_status") == "UNPAUSED" and not started:
            self.runs[self.started(settings["name"])]["job_id"] = number
        return number

    def started(self, name: str) -> int:
        number = next(self.numbers)
        self.runs[number], self.looks[number] = {"run_id": number, "run_name": name}, 0
        return number

    def of_job(self, job: int) -> dict[str, Any]:
        runs = [self.looked_at(n, count=False) for n, run in self.runs.items() if run.get("job_id") == job]
        return {"runs": runs, "has_more": False}

    def looked_at(self, number: int, *, count: bool = True) -> dict[str, Any]:
        state, result = self.states[min(self.looks[number], len(self.states) - 1)]
        self.looks[number] += count
        details = {
            "code": "SUCCESS" if result == "SUCCESS" else "RUN_EXECUTION_ERROR",
            "type": "CLIENT_ERROR",
            "message": self.message,
        }
        status = {"state": state} | ({"termination_details": details} if result else {})
        old = {"life_cycle_state": state, "state_message": self.message} | ({"result_state": result} if result else {})
        task = {"run_id": number + 10_000, "task_key": "stream", "state": old}
        return self.runs[number] | {
            "run_page_url": f"{self.url}/?o=1#job/1/run/{number}", "status": status, "state": old, "tasks": [task],
        }  # fmt: skip

    def check_tasks(self, body: dict[str, Any]) -> None:
        known = {
            one["environment_key"]: one["spec"] for one in body.get("environments", []) if JobEnvironment.from_dict(one)
        }
        for task in body["tasks"]:
            Task.from_dict(task)
            compute = [
                name
                for name in ("environment_key", "new_cluster", "job_cluster_key", "existing_cluster_id")
                if task.get(name)
            ]
            if len(compute) != 1:
                raise invalid(f"task {task['task_key']} needs one compute, has {compute}")
            if compute == ["environment_key"]:
                if task.get("libraries"):
                    raise invalid(
                        "Libraries field is not supported for serverless task, please specify libraries in environment."
                    )
                self.check_files(known[task["environment_key"]]["dependencies"])
            else:
                self.check_cluster(task)
            self.check_script(task["spark_python_task"])

    def check_cluster(self, task: dict[str, Any]) -> None:
        cluster, libraries = task["new_cluster"], task["libraries"]
        if cluster["spark_version"] not in RUNTIMES:
            raise invalid(f"Invalid spark version {cluster['spark_version']}.")
        if cluster["node_type_id"] not in {one["node_type_id"] for one in NODES}:
            raise invalid(f"Node type {cluster['node_type_id']} is not supported.")
        for maven in [one["maven"] for one in libraries if "maven" in one]:
            scala = maven["coordinates"].split(":")[1].rpartition("_")[2]
            assert cluster["spark_version"].endswith(scala) and cluster["data_security_mode"] == "SINGLE_USER"
        self.check_files([one["whl"] for one in libraries if "whl" in one])

    def check_files(self, paths: list[str]) -> None:
        assert paths
        for path in paths:
            if path.removeprefix("/Workspace") not in self.files or not path.startswith("/Workspace/"):
                raise RefusalError(404, "RESOURCE_DOES_NOT_EXIST", f"{path} does not exist.")

    def check_script(self, task: dict[str, Any]) -> None:
        self.check_files([task["python_file"]])
        script = self.scratch / Path(task["python_file"]).name
        script.write_bytes(self.files[task["python_file"].removeprefix("/Workspace")])
        arguments = runpy.run_path(str(script), run_name="looked_at")["parser"].parse_args(task["parameters"])
        self.check_files([arguments.config])


def handler(fake: Fake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.respond("GET", {}, b"")

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            if "multipart/form-data" not in self.headers["Content-Type"]:
                return self.respond("POST", json.loads(raw), b"")
            whole = BytesParser(policy=HTTP).parse(
                io.BytesIO(f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode() + raw)
            )
            parts: dict[str, bytes] = {
                str(part.get_param("name", header="content-disposition")): cast("bytes", part.get_payload(decode=True))
                for part in whole.iter_parts()
            }
            content = parts.pop("content")
            return self.respond("POST", {name: value.decode() for name, value in parts.items()}, content)

        def respond(self, method: str, body: dict[str, Any], sent: bytes) -> None:
            where = urlsplit(self.path)
            headers = fake.refuse.get((method, where.path), (0, "", "", {}))[3]
            try:
                if where.path.startswith("/api/") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    raise RefusalError(401, "UNAUTHENTICATED", "Invalid access token.")
                status, content = 200, fake.answer(method, where.path, dict(parse_qsl(where.query)), body, sent)
            except RefusalError as refusal:
                status, content = refusal.status, {"error_code": refusal.code, "message": refusal.message}
            except Exception as broken:  # a broken rule must fail the test, not hang it
                status, content = 400, {"error_code": "TEST_RULE", "message": f"{type(broken).__name__}: {broken}"}
            raw = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler
