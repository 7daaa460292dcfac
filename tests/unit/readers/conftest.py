"""The servers of this folder's tests, started once for each process; without their programs the tests are skipped and say so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.conftest import missing
from tests.support.database_servers import Influx, Postgres, influxdb, postgres, postgres_programs
from tests.support.sql_server.server import StandIn, sql_server


@pytest.fixture(scope="session")
def database() -> Iterator[Postgres]:
    if lost := missing("adbc_driver_postgresql"):
        pytest.skip(f"{lost[0]} is not installed: pip install 'ad-stream[postgresql]'")
    if postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def sqlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    if lost := missing("pymssql", "cryptography"):
        pytest.skip(f"{lost[0]} is not installed: pip install 'ad-stream[sqlserver,simulate-event-hubs]'")
    with sql_server(tmp_path_factory.mktemp("tds")) as server:
        yield server


@pytest.fixture(scope="session")
def influx() -> Iterator[Influx]:
    if shutil.which("influxd") is None:
        pytest.skip("InfluxDB is not installed: apt-get install influxdb")
    with influxdb() as server:
        yield server
