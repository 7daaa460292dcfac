"""What all tests share: the Spark session, which tests need it, and at the end what a run left out.

Tests run in two processes (pytest-xdist). A file stays in one process. The brokers' tests form two groups: all with the
Kafka broker that they share, and the rest, because the Event Hubs connector knows no port but 5671.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from socketserver import BaseServer
from typing import TYPE_CHECKING

import pytest

from ad_stream.runtime import spark_versions
from ad_stream.sources import registry

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HERE = Path(__file__).parent
MARKS = {
    "spark": ["spark"],
    "faults": ["spark"],
    "upgrade": ["spark"],
    "brokers": ["spark", "broker"],
    "browser": ["browser"],
}
"""Folder -> the markers of each of its tests."""
CORE = {
    "spark/test_backfill.py", "spark/test_bad_input.py", "spark/test_cli.py", "spark/test_owner.py", "spark/test_same_rows.py",
    "upgrade/test_upgrade.py",
}  # fmt: skip
"""Files with Spark that `make test` runs, but for their tests that are marked so: what no change may break. All others are
thorough: `make test-all`."""
THOROUGH = {"contract/test_odd_requests.py", "contract/test_openapi.py", "unit/azure_api/test_abuse.py"}
"""Files without Spark that ask a server thousands of questions."""
LONGEST = 5400
"""Seconds that a soak or an acceptance test may take; pyproject.toml has those of all others."""
SHORT_RUN = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC"
"""Java's options: runs of half a minute end before the optimising compiler and parallel collection pay."""
FOR_FEW_ROWS = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.databricks.delta.writeChecksumFile.enabled": "false",
}
"""Of a run over a few rows, writing Java for its stages costs a quarter and for its projections another, Delta's checksums of each
commit, which nothing here reads, a fifth, planning anew after each stage a twentieth; processes that tests start have them all."""
STRICT = {"spark.sql.ansi.enabled": "true"}
"""As Spark 4 and Databricks have it: what gives null in the lenient mode ends a batch in this one. Processes that tests start are
lenient."""

JARS = sorted({name for kind in registry.KINDS.values() for name in kind.jars})

COMMANDS = {
    "acceptance": "make acceptance, needs the data at $AD_STREAM_SHARED, else ../shared",
    "soak": "make soak, a minute or more each",
    "browser": "make browser, needs chromium",
    "broker": "make test-all, starts a broker",
    "thorough": "make test-all, starts a cluster or a whole run",
    "spark": "make test, needs Java",
    "slow": "make test",
}
left_out: Counter[str] = Counter()


def __getattr__(name: str) -> spark_versions.SparkVersion:
    """LINE: the line of Spark that the tests run on; asked for late, as `make test-lowest` has none."""
    if name == "LINE":
        return spark_versions.installed()
    raise AttributeError(name)


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = item.path.relative_to(HERE)
        marks = MARKS.get(path.parts[0], [])
        for mark in marks:
            item.add_marker(mark)
        if str(path) in THOROUGH or ("spark" in marks and str(path) not in CORE):
            item.add_marker("thorough")
        if {"soak", "acceptance"} & {mark.name for mark in item.iter_markers()}:
            item.add_marker(pytest.mark.timeout(LONGEST))
        item.add_marker(pytest.mark.xdist_group(group(path, set(getattr(item, "fixturenames", ())))))


def group(path: Path, fixtures: set[str]) -> str:
    """Tests of one group run in one process, one after the other."""
    if path.parts[0] != "brokers":
        return str(path)
    return "kafka" if "broker" in fixtures and not {"stand_in", "own_hub"} & fixtures else "event hubs"


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        left_out.update([next((name for name in COMMANDS if name in marks), "")])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, command in COMMANDS.items():
        if left_out[name]:
            terminalreporter.write_line(f"not run here: {left_out[name]} {name} tests ({command})")


def interruptible() -> None:
    """For preexec_fn of what Ctrl-C shall end: a shell's background jobs, and all they start, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def missing(*modules: str) -> list[str]:
    """Those of the modules that are not installed."""
    return [name for name in modules if importlib.util.find_spec(name) is None]


@pytest.fixture(scope="session", autouse=True)
def servers_that_end_at_once() -> None:
    """A server of the standard library looks every half a second whether it is to end, and dozens of tests have one."""
    BaseServer.serve_forever.__defaults__ = (0.02,)
    if not missing("werkzeug"):
        from werkzeug.serving import BaseWSGIServer

        BaseWSGIServer.serve_forever.__defaults__ = (0.02,)


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """Delta keeps the state of each table for an hour: hundreds of tables of finished tests would fill the heap."""
    yield
    if "pyspark" in sys.modules:
        from pyspark.sql import SparkSession

        if running := SparkSession.getActiveSession():
            running._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the certificate that the session's Java trusts."""
    return tmp_path_factory.mktemp("certificate")


@pytest.fixture(scope="session")
def spark(trusted: Path) -> Iterator[SparkSession]:
    """The one session of a test process, with the jars of every source."""
    from ad_stream.pipeline.operation.session import session
    from ad_stream.runtime import jars
    from ad_stream.simulate.event_hubs.stand_in import EventHubsStandIn

    os.environ.setdefault("AD_STREAM_MASTER", "local[2]")
    trust = "" if missing("proton", "cryptography") else EventHubsStandIn(trusted).java_options()
    settings = {
        "spark.jars": ",".join(
            str(path) for path in jars.jars(*(name for name in JARS if name in spark_versions.installed().jars))
        ),
        "spark.driver.extraJavaOptions": f"{SHORT_RUN} {trust}",
        **FOR_FEW_ROWS,
        **STRICT,
    }
    made = session("kafka", settings)
    yield made
    made.stop()
