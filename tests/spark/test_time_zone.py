"""Minutes are UTC whatever zone the machine is in, also while its clock changes."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from tests.support.streaming import KEY, T0, Stream, message, moment

HERE = Path(__file__).parent
# 02:00 in New York does not exist on 2027-03-14; it is 07:00 UTC.
CHANGE = int((T0.replace(year=2027, month=3, day=14, hour=7) - T0) / timedelta(minutes=1))
FIRST, LAST = CHANGE - 30, CHANGE + 45
SECTIONS: dict[str, Any] = {"telemetry": {"event_time": "time"}, "detection": {"points": 40}}
ELSEWHERE = """
import shutil, sys
from pathlib import Path
from tests.support.streaming import config_of
from tests.spark.test_time_zone import SECTIONS
from ad_stream.pipeline.run import run
folder = Path(sys.argv[1])
config = config_of(folder, **SECTIONS)
run(config)
for path in sorted((folder / "later").iterdir()):
    shutil.move(str(path), folder / "in")
shutil.rmtree(folder / "tables" / "history")
run(config)
"""


@pytest.mark.soak
def test_minutes_and_verdicts_are_the_same_in_new_york_while_its_clock_changes(
    spark: SparkSession, tmp_path: Path
) -> None:
    files = [[_reading(minute) for minute in part] for part in (range(FIRST, CHANGE + 15), range(CHANGE + 15, LAST))]
    here = Stream(spark, tmp_path / "here", SECTIONS).write(*files)
    here.run()
    there = Stream(spark, tmp_path / "there", SECTIONS).write(files[0], end=False).write(files[1])
    (there.folder / "later").mkdir()
    there.writer.files[1].rename(there.folder / "later" / there.writer.files[1].name)
    path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    environ = {**os.environ, "TZ": "America/New_York", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(there.folder)],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = there.content("detections", *KEY)
    assert list(found.minute) == [pd.Timestamp(moment(minute)).tz_localize(None) for minute in range(FIRST, LAST)]
    pd.testing.assert_frame_equal(found, here.content("detections", *KEY), rtol=1e-9)


def _reading(minute: int) -> Any:
    return message({"t": (minute * 37) % 11, "time": moment(minute, 12).isoformat()}, minute)
