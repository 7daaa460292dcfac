"""`make image-test`: builds the image and runs compose.yaml as it stands, end to end; as root, without a Docker engine.

Not part of .ci/run: it installs Debian packages and takes minutes. Networks, containers and images lie below a folder of its
own and are gone at the end; Debian's packages stay, and netavark's own rules of iptables, which lead nowhere then. --keep leaves all.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.image.engine import IMAGE, ROOT, Engine, ImageTestError, check, until

SERVICES = ("stream", "dashboard", "serve", "scheduler")
LOCKED = (
    "--read-only",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--ulimit=nofile=16384:16384",
    "--ulimit=nproc=4096:4096",
)
SECRETS = ("AD_STREAM_DASHBOARD_TOKEN", "AD_STREAM_KEYS", "POSTGRES_PASSWORD")
COMPOSE = ("podman-compose", "--in-pod=false", "--profile", "postgresql")
ROWS = (
    "create table telemetry (device_id text, time timestamptz, signal text, value float8);"
    "insert into telemetry select 'pump-1', now() - k * interval '1 minute', 'flow', k from generate_series(1, 60) k"
)
DAYS = 5
"""Of telemetry; a series needs four to be learned."""
DETECT = "http://127.0.0.1:5000/anomalydetector/v1.1/timeseries/last/detect"
DASHBOARD = "http://127.0.0.1:8010/api"


def asked(url: str, body: object = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON; (0, None) where nobody answers yet."""
    data = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, named), timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, None
    except (OSError, ValueError):
        return 0, None


def spike() -> dict[str, Any]:
    start = datetime(2026, 11, 1, tzinfo=timezone.utc)
    values = [20.0 + k % 7 / 10 for k in range(60)] + [90.0]
    points = [
        {"timestamp": f"{start + timedelta(minutes=k):%Y-%m-%dT%H:%M:%SZ}", "value": v} for k, v in enumerate(values)
    ]
    return {"series": points, "granularity": "minutely"}


def answers(key: str) -> bool:
    """Does the REST service flag the spike for this key?"""
    status, answer = asked(DETECT, spike(), Ocp_Apim_Subscription_Key=key)
    return status == 200 and answer["isAnomaly"] is True


def locked_up(engine: Engine, container: str) -> None:
    """Neither root nor able to become it, and nothing but /data and /tmp can be written."""
    told = engine.podman(
        "exec",
        container,
        "sh",
        "-c",
        "id -u; grep -E 'CapEff|NoNewPrivs' /proc/1/status; touch /opt/x /etc/x /conf/x",
        fine=(1,),
    )
    words = told.split()
    check(
        words[0] == "10001" and "0000000000000000" in words and words[words.index("NoNewPrivs:") + 1] == "1",
        f"{container}: uid 10001, no capability, no new privileges",
    )
    check(
        told.count("Read-only file system") + told.count("No such file") == 3,
        f"{container}: the root file system is read-only",
    )


def retired_line(engine: Engine) -> None:
    """`docker run -p 5000:5000 IMAGE Eula=accept Billing=… ApiKey=…`, and what it refuses."""
    key = secrets.token_hex(16)
    line = ["Eula=accept", "Billing=https://plant.example.org/", f"ApiKey={key}"]
    told = engine.podman("run", "--rm", *LOCKED, IMAGE, *line[1:], fine=(2,))
    check("Eula is missing" in told and key not in told, "without Eula=accept nothing starts")
    engine.podman("run", "--detach", "--name", "retired", "-p", "127.0.0.1:5000:5000", *LOCKED, IMAGE, *line)
    until(lambda: answers(key), "the retired container's line serves: the spike is flagged", 120)
    check(asked(DETECT, spike())[0] == 401, "without the key: 401")
    seen = engine.podman("logs", "retired") + engine.podman("exec", "retired", "cat", "/proc/1/cmdline")
    check("serve" in seen and key not in seen, "the key is neither in the log nor in the command line of the process")
    locked_up(engine, "retired")
    engine.podman("rm", "--force", "--time", "10", "retired")


def project(engine: Engine) -> tuple[Path, dict[str, str]]:
    """A folder as a person would have it: compose.yaml, conf, telemetry of DAYS days, a file .env."""
    folder = engine.work / "plant"
    (folder / "telemetry").mkdir(parents=True)
    shutil.copy(ROOT / "compose.yaml", folder)
    shutil.copytree(ROOT / "conf", folder / "conf")
    named = {name: secrets.token_hex(16) for name in SECRETS}
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in named.items()))
    start = datetime.now(timezone.utc).replace(minute=0, second=0) - timedelta(days=DAYS)
    engine.podman(
        "run", "--rm", *LOCKED, "--user=0", "-v", f"{folder / 'telemetry'}:/out", IMAGE,
        "simulate", "/out", "--devices", "2", "--minutes", str(DAYS * 1440), "--start", f"{start:%Y-%m-%dT%H:%MZ}",
    )  # fmt: skip
    return folder, named


def walk(engine: Engine, folder: Path, named: Mapping[str, str]) -> None:
    """Stream over files, page, REST service, scheduler with one training; each healthy and locked up."""
    bearer = {"Authorization": f"Bearer {named['AD_STREAM_DASHBOARD_TOKEN']}"}
    engine.run(*COMPOSE, "up", "--detach", "--no-build", cwd=folder)
    containers = {name: f"{folder.name}_{name}_1" for name in SERVICES}
    for name in ("dashboard", "serve", "scheduler", "stream"):
        engine.healthy(containers[name])
    check(asked(f"{DASHBOARD}/overview")[0] == 401, "the dashboard asks for its token")
    until(
        lambda: len((asked(f"{DASHBOARD}/overview", **bearer)[1] or {}).get("rows", [])) >= 4,
        "the dashboard shows 4 series",
        600,
    )
    check(answers(named["AD_STREAM_KEYS"]), "serve flags the spike")
    database(engine, folder)
    trained(engine, containers["scheduler"], bearer)
    for container in containers.values():
        locked_up(engine, container)
    logs = "".join(engine.podman("logs", container) for container in containers.values())
    check(not any(value in logs for value in named.values()), "no secret in any log")
    told = engine.podman("stop", "--time", "60", containers["stream"], containers["scheduler"])
    told += engine.podman("logs", containers["stream"]) + engine.podman("logs", containers["scheduler"])
    check("the scheduler has stopped" in told and "scored" in told, "stream and scheduler end when they are told to")
    engine.run(*COMPOSE, "down", "--volumes", cwd=folder)


def trained(engine: Engine, scheduler: str, bearer: Mapping[str, str]) -> None:
    """One training by the scheduler, seen through the dashboard."""

    def judged() -> int:
        told = asked(f"{DASHBOARD}/pipeline", **bearer)[1] or {"batches": {}}
        return int(told["batches"].get("scored", 0))

    until(lambda: judged() > 4 * 4.5 * 1440, "four and a half days of four series are judged", 1800)
    told = engine.podman(
        "exec", scheduler, "ad-stream", "jobs", "run", "night", "-c", "/conf/containers.yaml", "--follow", seconds=900
    )
    rows = asked(f"{DASHBOARD}/runs?job=night", **bearer)[1]["rows"]
    check(rows[0]["state"] == "succeeded", f"the dashboard shows the training: {rows[0]['run_id']} {rows[0]['state']}")
    check("train profile" in told, "its log was followed")


def database(engine: Engine, folder: Path) -> None:
    """The optional PostgreSQL, read by its name in conf/containers.yaml."""
    postgres = f"{folder.name}_postgres_1"
    engine.healthy(postgres)
    engine.podman("exec", postgres, "psql", "--username", "iot", "--dbname", "iot", "--command", ROWS)
    told = engine.podman(
        "exec", f"{folder.name}_serve_1", "ad-stream", "sources", "sample", "plant", "-c", "/conf/containers.yaml"
    )
    check("pump-1" in told and "flow" in told, "readings of PostgreSQL are read by the name plant")


def image(engine: Engine) -> None:
    """Size by layer; nothing secret in how it was made."""
    layers = engine.layers()
    for size, made in layers:
        print(f"  {size / 1e6:7.0f} MB  {' '.join(made.split())[:90]}")
    print(f"  {sum(size for size, _ in layers) / 1e6:7.0f} MB in all")
    told = json.loads(engine.podman("inspect", IMAGE))[0]["Config"]
    check(told["User"] == "10001:10001", "the image's user is 10001")
    left = "(ls -A /build ~root/.cache ~root/.config; find / -xdev -name pip.conf -o -name .netrc) 2> /dev/null; true"
    found = engine.podman("run", "--rm", *LOCKED, "--user=0", "--entrypoint=sh", IMAGE, "-c", left).split()
    named = {one.split("=")[0] for one in told["Env"]} & {
        "AD_STREAM_KEYS",
        "AD_STREAM_DASHBOARD_TOKEN",
        "PIP_CONFIG_FILE",
        "PIP_CERT",
    }
    check(not named, "no setting of the build and no key in the image's environment")
    check(not found, f"nothing of the build is left {' '.join(found)}".strip())


def compose_file(engine: Engine) -> None:
    """Docker Compose v2's own reading of compose.yaml, with both profiles; the linter of Dockerfiles."""
    needed = ["env", "AD_STREAM_KEYS=k", "AD_STREAM_DASHBOARD_TOKEN=t", "POSTGRES_PASSWORD=p"]
    read = ["docker-compose", "-f", str(ROOT / "compose.yaml"), "--profile", "postgresql", "config", "--quiet"]
    # The package of PyPI ends with 0 whatever it finds, so what it says counts.
    told = engine.run(*needed, *read, fine=range(256))
    check(not told.strip(), f"compose.yaml is read by Docker Compose {told}".strip())
    check("set it in .env" in engine.run(*read, fine=range(256)), "and asks for its secrets")
    engine.run("hadolint", "--ignore", "DL3008", "--ignore", "DL3003", ROOT / "Dockerfile")


def main() -> int:
    """0 where all of it held."""
    engine = Engine(Path(tempfile.mkdtemp(prefix="ad_stream-image-")))
    try:
        for step in (Engine.prepare, compose_file, Engine.build, image, retired_line):
            print(step.__name__, flush=True)
            step(engine)
        print("compose up", flush=True)
        walk(engine, *project(engine))
    except ImageTestError as error:
        print(f"image-test: {error}", file=sys.stderr)
        return 1
    finally:
        if "--keep" in sys.argv:
            print(f"kept in {engine.work}")
        else:
            engine.end()
    print("the image was built and run end to end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
