"""What a person sees of a run: a JVM of its own, so that what Spark itself would print is seen, too."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

from ad_stream.simulate import simulate
from tests.conftest import SHORT_RUN

ROOT = Path(__file__).resolve().parents[2]
CODE = "import sys; sys.argv[0] = 'ad-stream'; from ad_stream.cli import main; main()"


@pytest.mark.soak
def test_a_run_tells_from_the_start_ends_in_a_few_lines_and_leaves_no_stray_folder(tmp_path: Path) -> None:
    simulate(
        tmp_path / "in", devices=2, minutes=40, seed=5, start=datetime(2026, 11, 1, tzinfo=timezone.utc), faults=False,
        bad_traffic=False,
    )  # fmt: skip
    sections = {
        "source": {"kind": "files", "path": "in"}, "tables": {"path": "tables"}, "checkpoint": "checkpoint",
        "trigger": "available_now", "spark": {"spark.driver.extraJavaOptions": SHORT_RUN},
    }  # fmt: skip
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(sections))
    answer = subprocess.run(
        [sys.executable, "-c", CODE, "run", "run.yaml"], capture_output=True, text=True, cwd=tmp_path, timeout=800,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    lines = answer.stderr.splitlines()
    assert lines[0] == "starting Spark"
    assert any(line.startswith("reading: no batch is done yet") for line in lines)
    assert any(line.startswith("batch ") and " scored" in line for line in lines)
    assert [line for line in lines if "WARN" in line or "Setting default log level" in line] == []
    closed = answer.stdout.splitlines()
    assert closed[0].endswith(" s") and " events read in " in closed[0]
    assert closed[1].startswith("160 windows closed: ") and " 0 " not in answer.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint", "in", "run.yaml", "tables"]
