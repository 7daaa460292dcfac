"""The machine's clock is set back by two hours between two runs (libfaketime): nothing is lost, doubled or judged anew."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.conftest import half, settings
from tests.faults.lives import COMMAND, ROOT
from tests.support.children import child
from tests.support.compare import SAME, differences

LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
HOURS = 2


def run(config: Path, **environ: str) -> None:
    command = [*COMMAND, "run", "--config", str(config)]
    ours = {"PYTHONPATH": str(ROOT), "AD_STREAM_MASTER": "local[2]", **environ}
    with child(
        command, group=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **ours}
    ) as process:
        said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said[-3000:]


@pytest.mark.soak
@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not there: apt-get install faketime")
def test_a_run_after_the_clock_was_set_back_goes_on_as_if_nothing_had_happened(
    telemetry: Path, undisturbed: Path, tmp_path: Path
) -> None:
    arrived, rest = half(telemetry, tmp_path)
    config = settings(arrived, tmp_path)
    run(config)
    for path in rest:
        shutil.copy2(path, arrived)
    run(config, LD_PRELOAD=str(LIBRARY), FAKETIME=f"-{HOURS}h")
    assert differences(tmp_path / "tables", undisturbed / "tables", named=False) == SAME
    times = [commit_time(path) for path in sorted((tmp_path / "tables" / "batches" / "_delta_log").glob("*.json"))]
    assert min(later - earlier for earlier, later in pairwise(times)) < -3600 * (HOURS - 1), "the clock did not go back"


def commit_time(path: Path) -> float:
    """When a commit was made, by the clock of its writer, in seconds."""
    actions = [json.loads(line) for line in path.read_text().splitlines()]
    return next(float(one["commitInfo"]["timestamp"]) / 1000 for one in actions if "commitInfo" in one)
