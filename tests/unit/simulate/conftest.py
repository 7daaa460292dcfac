"""One simulated day, read back once for all tests of the simulator."""

from __future__ import annotations

import pytest

from ad_stream.simulate import simulate
from tests.support.slow_reader import Day, read


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day of 20 devices with faults and bad traffic."""
    folder = tmp_path_factory.mktemp("day")
    truth = simulate(folder, devices=20, seed=7)
    return Day(folder, truth, read(folder))


@pytest.fixture(scope="session")
def quiet_day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """The same day of the same devices without faults and bad traffic."""
    folder = tmp_path_factory.mktemp("quiet")
    truth = simulate(folder, devices=20, seed=7, faults=False, bad_traffic=False)
    return Day(folder, truth, read(folder))
