"""Command lines of README and docs, typed as they stand in a folder that holds what they name; with Spark or a cloud elsewhere."""

from __future__ import annotations

import shlex
import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ad_stream.cli import app
from tests.support.incident_tables import START, run_of, spikes, write_tables
from tests.support.pages import PAGES, ROOT, command_lines

pytestmark = pytest.mark.slow

INCIDENT = "20261101-1200-3f29c2a1be"
"""As the pages have it; typed with the one that the tables hold."""
REPORT = (
    "ad-stream report pump-7 --signal temperature --from 2026-11-01T06:00Z --to 2026-11-01T12:00Z --out pump-7.html"
    " --png pictures"
)
TYPED: dict[str, str] = {
    "ad-stream --version": "ad-stream ",
    "ad-stream detect pump.csv": "series ",
    "ad-stream detect pump.csv --set sensitivity=80": "series ",
    "ad-stream detect pump.csv --set sensitivity=99 --json": '"rows": 600',
    "ad-stream evaluate labelled.csv": "random",
    "ad-stream evaluate pump.csv": "random",
    "ad-stream simulate messages": "messages of",
    "ad-stream status": "minutes",
    "ad-stream report device-0001": "report.html",
    "ad-stream validate conf/local.yaml": "detector",
    "ad-stream migrate notebook.py": "detection:",
    "ad-stream config set --device 'pump-*' sensitivity=90": "version 1",
    "ad-stream config set --device 'pump-*' sensitivity=90 min_deviation=0.5 --note \"noisy since the refit\"": "version",
    'ad-stream config mute --device pump-7 --for "2 hours" --note maintenance': "version",
    "ad-stream config list --device pump-7": "pump-7",
    "ad-stream config history": "maintenance",
    "ad-stream whatif --from 2026-11-01 --to 2026-11-02 --set sensitivity=80": "alarms",
    "ad-stream whatif --from 2026-11-01 --to 2026-11-02 --set sensitivity=80 --config conf/local.yaml": "alarms",
    REPORT: "pump-7.html",
    "ad-stream powerbi schema": "deviceId",
    "ad-stream views conf/databricks.yaml": "VIEW",
    "ad-stream incidents": "pump-7",
    f"ad-stream ack {INCIDENT}": ": ack ",
    f"ad-stream label {INCIDENT} false": "false",
    f"ad-stream close {INCIDENT}": ": close ",
    "ad-stream missed pump-1 --from 2026-11-01T10:00Z --to 2026-11-01T10:20Z": ": missed ",
    "ad-stream incidents --open": "",
    "ad-stream incidents --kpi": "incidents",
    "ad-stream ask": "",
    "ad-stream propose": "",
    "ad-stream config set --device 'press-*' --signal parts kind=counter": "version",
    "ad-stream config set --device 'pump-*' detector=seasonal": "version",
}
"""line -> what it prints, in the order of a day."""
ELSEWHERE = {
    "run": "spark/test_cli.py",
    "backfill": "spark/test_cli.py",
    "demo": "spark/test_demo.py",
    "maintain": "spark/test_names.py",
    "train": "spark/test_models.py",
    "models": "spark/test_models.py",
    "simulate": "spark/test_cli.py",
    "submit": "unit/databricks/test_submit.py",
    "powerbi": "unit/push/test_power_bi.py",
    "dashboard": "unit/dashboard/test_command.py",
    "serve": "unit/test_cli.py",
    "migrate": "unit/azure_api",
    "sources": "unit/readers/test_named_sources.py",
    "detect": "unit/own_data/test_on_demand.py",
    "schedule": "unit/schedules/test_processes.py",
    "jobs": "unit/schedules",
    "tasks": "unit/schedules/test_tasks.py",
    "tune": "unit/tuning/test_tune.py",
    "views": "unit/tables",
    "whatif": "unit/whatif",
    "incidents": "unit/incidents",
    "--install-completion": "unit/test_command_lines.py",
    "--show-completion": "unit/test_command_lines.py",
}
"""First word of lines with other options, Spark, a broker, a cloud or a server -> the tests that start such a command."""


def pump(folder: Path, name: str, *, labelled: bool) -> None:
    noise, label = np.random.default_rng(4), [",label", ",0", ",1"] if labelled else [""] * 3
    lines = [f"time,value{label[0]}"]
    for k in range(600):
        value = 20 + np.sin(k / 30) + noise.normal(0, 0.1) + 9 * (k == 500)
        lines.append(f"{START + timedelta(minutes=k):%Y-%m-%dT%H:%M:%SZ},{value:.2f}{label[1 + (k == 500)]}")
    (folder / name).write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files, a configuration, tables with an incident, and a notebook of the retired service."""
    folder = tmp_path_factory.mktemp("day")
    shutil.copytree(ROOT / "conf", folder / "conf")
    pump(folder, "pump.csv", labelled=True)
    pump(folder, "labelled.csv", labelled=True)
    (folder / "notebook.py").write_text(
        "from azure.ai.anomalydetector import AnomalyDetectorClient\n"
        "from azure.ai.anomalydetector.models import DetectRequest\n"
        "answer = client.detect_last_point(DetectRequest(series=points, granularity='minutely', sensitivity=90))\n"
    )
    tables = folder / ".ad_stream" / "tables"
    verdicts = [
        row | {"signal": "temperature"}
        for device in ("device-0001", "pump-7")
        for row in spikes(device, {400: 60.0} if device == "pump-7" else {}, 720)
    ]
    write_tables(tables, verdicts, run_of(tables, incidents={"enabled": True}))
    return folder


def incident_of(tables: Path) -> str:
    from ad_stream.tables.reader import read_rows

    return str(read_rows(tables, "incident_events", ["incident_id"]).incident_id.iloc[0])


@pytest.mark.parametrize("line", TYPED)
def test_a_line_does_what_its_page_says(line: str, day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(day)
    typed = line.replace(INCIDENT, incident_of(day / ".ad_stream" / "tables")) if INCIDENT in line else line
    answer = CliRunner().invoke(app, shlex.split(typed)[1:])
    assert answer.exit_code == 0, f"{answer.output}\n{answer.exception}"
    assert TYPED[line] in answer.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_line_of_a_page_is_left_to_itself(page: Path) -> None:
    lines = [line for line in command_lines(page) if line not in TYPED]
    assert [line for line in lines if shlex.split(line)[1] not in ELSEWHERE] == []
    assert all((ROOT / "tests" / place).exists() for place in ELSEWHERE.values())
