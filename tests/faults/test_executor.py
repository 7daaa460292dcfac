"""An executor of a standalone cluster on loopback is killed at work."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest
import yaml

from tests.faults.conftest import settings
from tests.faults.lives import Stream
from tests.support.cluster import SECONDS, SMALL, Cluster
from tests.support.compare import SAME, differences
from tests.support.waiting import wait_for


@pytest.mark.soak
def test_an_executor_killed_at_work_costs_no_minute(telemetry: Path, undisturbed: Path, tmp_path: Path) -> None:
    config = settings(telemetry, tmp_path)
    content = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump({**content, "spark": {**content["spark"], **SMALL}}))
    with Cluster(tmp_path / "cluster") as cluster:
        stream = Stream(config, 0, random.Random(), environ={"AD_STREAM_MASTER": cluster.url})
        with stream.process() as process:
            stream.wait_for(lambda: (stream.at_work()[0] or 0) >= 1, process)
            seen = sum(cluster.executors_seen().values())
            os.kill(cluster.executors()[0], signal.SIGKILL)
            wait_for(
                "no executor took the place of the killed one",
                lambda: sum(cluster.executors_seen().values()) > seen,
                SECONDS,
            )
            assert process.wait(timeout=300) == 0, stream.said()
    assert differences(tmp_path / "tables", undisturbed / "tables") == SAME
