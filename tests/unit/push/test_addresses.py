"""No address that anything is sent to comes from a table, a message or a page: SECURITY.md says so, this proves it.

Who adds such an address has to refuse link-local and metadata addresses first, and finds these tests in the way.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ad_stream.config import parse
from ad_stream.errors import ConfigError
from ad_stream.grid import MINUTE
from ad_stream.incidents.feedback import acts_of
from ad_stream.pipeline.delivery import targets_of
from ad_stream.push.registry import KINDS, by_kind
from ad_stream.push.targets.pagerduty import PagerDuty
from ad_stream.push.targets.webhook import Webhook
from ad_stream.series_config.rows import rule_of, rules_of
from ad_stream.series_config.rules import SETTINGS
from ad_stream.tables.catalog import TABLES
from tests.support.fake_time import FakeTime
from tests.unit.push.memory import row
from tests.unit.push.test_incident_messages import KEY, story

PACKAGE = Path(__file__).resolve().parents[3] / "ad_stream"
METADATA = "http://169.254.169.254/latest/meta-data/"
OUTWARD = {
    "requests",
    "urllib3",
    "urllib.request",
    "http.client",
    "smtplib",
    "ftplib",
    "ad_stream.http",
    "ad_stream.push",
}
TELLS_OF_PUSHES = {"ad_stream.push.base"}
"""Names of states and columns: nothing in it connects."""
READ_TABLES_OR_PAGES = (
    "dashboard",
    "incidents",
    "monitoring",
    "report",
    "series_config",
    "tables",
    "web",
    "whatif",
    "models",
)


def imported(path: Path) -> set[str]:
    """What a file imports, modules and the names that it takes from them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return found


@pytest.mark.parametrize("part", READ_TABLES_OR_PAGES)
def test_what_reads_tables_or_serves_pages_cannot_open_a_connection(part: str) -> None:
    for path in sorted((PACKAGE / part).rglob("*.py")):
        names = {name for name in imported(path) if not any(name.startswith(one) for one in TELLS_OF_PUSHES)}
        outward = {name for name in names for one in OUTWARD if name == one or name.startswith(f"{one}.")}
        assert not outward, f"{path.name} imports {outward}"


def test_targets_are_made_of_the_configuration_and_of_options_of_the_command_line_alone() -> None:
    makers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if {"ad_stream.push.registry", "ad_stream.push.registry.by_kind", "ad_stream.push.registry.targets_of"}
        & imported(path)
    }
    assert makers == {"pipeline/delivery.py", "cli/power_bi.py", "cli/stream.py"}
    assert list(inspect.signature(targets_of).parameters) == ["config"]


def test_no_table_has_a_column_for_an_address() -> None:
    options = {name for kind in KINDS for name in _options(kind)}
    addresses = {
        "url",
        "host",
        "port",
        "proxy",
        "bootstrap_servers",
        "connection_string",
        "recipients",
        "heartbeat",
        "endpoint",
    }
    assert addresses - {"heartbeat", "endpoint"} <= options, "the names are those of the targets' settings"
    found = {(table.name, name) for table in TABLES.values() for name in addresses & set(table.names)}
    assert found == {("owner", "host")}, "of which a sentence is made, and nothing is sent there"


def _options(kind: str) -> set[str]:
    module = importlib.import_module(f"ad_stream.push.targets.{kind}")
    return set(inspect.signature(getattr(module, KINDS[kind])).parameters)


def test_a_row_of_series_config_can_name_no_address() -> None:
    base = parse({"source": {"kind": "files", "path": ""}, "tables": {"path": "tables"}}).detection
    changed = datetime(2026, 11, 1, tzinfo=timezone.utc)
    written = {
        "device": "*",
        "sensitivity": 90,
        "url": METADATA,
        "push": METADATA,
        "note": METADATA,
        "changed": changed,
    }
    rule = rule_of(written, base)
    assert dict(rule.settings) == {"sensitivity": 90} and rule.names <= set(SETTINGS)
    with pytest.raises(ConfigError, match="detector"):
        rule_of({"device": "*", "detector": METADATA, "changed": changed}, base)
    assert len(rules_of([{"device": "*", "detector": METADATA, "changed": changed}], base).refused) == 1


def test_what_people_say_can_name_no_address() -> None:
    said = {
        "action": "ack", "incident_id": "20261101-1200-3f29c2a1be", "owner": METADATA, "note": METADATA, "url": METADATA,
        "changed": datetime(2026, 11, 1, tzinfo=timezone.utc),
    }  # fmt: skip
    (act,) = acts_of([said], MINUTE)
    assert {name for name, value in vars(act).items() if value == METADATA} == {"by", "note"}


KEPT = ("event", "kind", "level", "told", "reason", "direction", "close_reason", "incident_id")
"""Columns whose words the fold alone writes."""


class Ears:
    """A receiver that keeps the paths that it was asked for."""

    def __init__(self, server: HTTPServer) -> None:
        self.url, self.asked = server.url_for("/"), list[str]()
        self._lock = threading.Lock()
        server.expect_request(re.compile(".*")).respond_with_handler(self.answer)

    def answer(self, request: Request) -> Response:
        with self._lock:
            self.asked.append(request.path)
        return Response("{}", status=202)


@pytest.fixture
def other() -> Iterator[Ears]:
    with HTTPServer() as server:
        yield Ears(server)


@pytest.fixture
def configured() -> Iterator[Ears]:
    with HTTPServer() as server:
        yield Ears(server)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("webhook", {"format": "json"}),
        ("webhook", {"format": "teams"}),
        ("webhook", {"format": "slack"}),
        ("webhook", {"format": "alertmanager"}),
        ("pagerduty", {"routing_key": KEY}),
    ],
)
def test_a_row_full_of_addresses_goes_where_the_configuration_says(
    configured: Ears, other: Ears, kind: str, options: dict[str, Any]
) -> None:
    fake = FakeTime()
    of = {"url": configured.url + "told", **options, "clock": fake.clock, "sleep": fake.sleep}
    target = PagerDuty(**of) if kind == "pagerduty" else Webhook(rows="incidents", **of)
    rows = [
        {name: other.url if isinstance(value, str) and name not in KEPT else value for name, value in one.items()}
        for one in story()
    ]
    rows = [one | {"note": other.url, "url": other.url, "site": other.url, "why": other.url} for one in rows]
    list(target.push(iter(rows), 60))
    assert configured.asked and set(configured.asked) == {"/told"}
    assert other.asked == []


def test_a_reading_full_of_addresses_goes_where_the_configuration_says(configured: Ears, other: Ears) -> None:
    target = by_kind("webhook", url=configured.url + "told", format="json")
    list(target.push(iter([row(0, device_id=other.url, signal=other.url)]), 60))
    assert configured.asked == ["/told"] and other.asked == []
