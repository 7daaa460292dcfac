"""A scheduler in a process of its own, whose clock goes from one planned time to the next as soon as that is dealt with.

python -m tests.unit.schedules.fast_scheduler TABLES HOURS SCRIPT: the job tidy, each hour from noon on; the script is told the
planned time.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

from ad_stream.schedules.folders import JobFolder
from tests.support.scheduled import NOON, Plant


def main(tables: Path, hours: int, script: str) -> None:
    plant = Plant(tables, {"tidy": {"run": "maintain", "every": "1 hour", "catch_up": "all"}}, script=script)
    folder = JobFolder(tables, "tidy")
    for hour in range(1, hours + 1):
        plant.clock.now = NOON + timedelta(hours=hour)
        while (folder.through() or NOON) < plant.clock.now or plant.scheduler.busy:
            plant.scheduler.look()
            time.sleep(0.002)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
