"""Incidents as the tables have them: listed, counted, verified, and what people said about them."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.config.incidents import Dimensions
from ad_stream.grid import MINUTE
from ad_stream.incidents.acts import Act
from ad_stream.incidents.kpi import kpi
from ad_stream.incidents.rules import RULES
from ad_stream.monitoring.incidents import Listed, acked_at, counts, ignored, incidents, stale
from ad_stream.monitoring.verify_incidents import verify
from ad_stream.tables import people
from ad_stream.tables.incidents import FEEDBACK
from tests.support import written
from tests.support.incident_tables import START, run_of, spikes, write_tables

SITES = {"dimensions": {"device": "(?P<site>[^/]+)/"}}


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Two devices of a site that spike together, one of another that does so at the end; 6 hours."""
    rows = [
        *spikes("a/1", {30: 30.0, 200: 40.0}, 360),
        *spikes("a/2", {31: 30.0}, 360),
        *spikes("b/1", {355: 10.0}, 360, severity=0.65),
    ]
    write_tables(tmp_path / "tables", rows, run_of(tmp_path / "tables", **SITES))
    return tmp_path / "tables"


def test_the_newest_row_of_each_incident_is_listed(tables: Path) -> None:
    found = incidents(tables)
    assert [(one["site"], one["state"], one["level"], one["devices"]) for one in found] == [
        ("b", "open", "high", 1), ("a", "closed", "medium", 1), ("a", "closed", "high", 2),
    ]  # fmt: skip
    assert [one["device_id"] for one in incidents(tables, Listed(open_only=True))] == ["b/1"]
    assert (
        len(incidents(tables, Listed(site="a")))
        == 2
        == len(incidents(tables, Listed(start=START + timedelta(minutes=100))))
    )
    assert counts(tables) == {"incidents": 3, "open": 1, "open_low": 0, "open_medium": 0, "open_high": 1, "acked": 0}


def test_tables_of_an_earlier_version_have_no_incident(tmp_path: Path) -> None:
    written.create(tmp_path)
    assert incidents(tmp_path) == [] and ignored(tmp_path) == ()


@pytest.mark.slow
def test_folding_the_verdicts_again_finds_what_was_changed_by_hand(tables: Path) -> None:
    config = run_of(tables, **SITES)
    assert verify(tables, config).differences == 0
    (name,) = {one["incident_id"] for one in incidents(tables, Listed(open_only=True))}
    table = DeltaTable(str(tables / "incident_events"))
    table.update(updates={"severity": "0.9"}, predicate=f"incident_id = '{name}'")
    found = verify(tables, config)
    assert found.different == [(name, 0, "severity")]
    table.delete(f"incident_id = '{name}'")
    assert verify(tables, config).missing == [(name, 0)]
    other = verify(tables, run_of(tables, incidents={"close_after": "5 minutes"}, **SITES))
    assert other.differences > 0


@pytest.mark.slow
def test_rows_that_a_run_folded_by_other_rules_are_named_and_not_compared(tmp_path: Path) -> None:
    rows = [row for device in ("a/1", "a/2") for row in spikes(device, {30: 30.0, 95: 30.0, 150: 30.0}, 200)]
    then, tables = {"incidents": {"close_after": "15 minutes"}, **SITES}, tmp_path / "tables"
    first, second = run_of(tables, **SITES), run_of(tables, **then)
    write_tables(tables, rows, first, then=(100, second))
    found = verify(tables, second)
    assert (found.stored, found.earlier, found.differences) == (12, 6, 0)
    assert found.note == "folded until 2026-11-01 01:39 UTC by other rules: close_after 10, now 15"


@pytest.mark.slow
def test_tables_that_an_earlier_version_folded_give_a_sentence_and_no_alarm(tables: Path) -> None:
    parts = json.loads(zlib.decompress(run_of(tables, **SITES).incidents.fold(MINUTE, Dimensions()).state()))
    del parts["basis"]
    DeltaTable(str(tables / "incident_state")).delete()
    state = {
        "minute": START,
        "origin": True,
        "state": zlib.compress(json.dumps(parts).encode()),
        "query_id": "q",
        "batch_id": 0,
    }
    written.write(tables, "incident_state", [state])
    DeltaTable(str(tables / "incident_events")).update(updates={"severity": "0.9"})
    code, text = invoke(tables, "incidents", "--verify")
    assert code == 0 and "0 differences" in text
    assert f"not compared: folded by version 1 of the rules, and this is version {RULES}" in text


@pytest.mark.slow
def test_what_people_said_is_folded_at_the_window_that_knew_it(tmp_path: Path) -> None:
    tables, config = tmp_path / "tables", run_of(tmp_path / "tables")
    tables.mkdir()
    steps = [
        row | ({"value": 30.0} if 30 <= place < 100 else {}) for place, row in enumerate(spikes("d", {30: 30.0}, 200))
    ]
    before = write_tables(tmp_path / "first", steps, run_of(tmp_path / "first"))
    name = str(before[0]["incident_id"])
    version = people.append(FEEDBACK, tables, {"action": "ack", "incident_id": name, "owner": "ana"}, now=START)
    events = write_tables(tables, steps, config, acts={60: (version, [Act("ack", name, "ana")])})
    assert [row["event"] for row in events] == ["opened", "acked", "closed"]
    assert verify(tables, config).differences == 0
    assert acked_at(tables) == {name: START + timedelta(minutes=60)}


@pytest.mark.slow
def test_a_row_of_feedback_that_makes_no_sense_is_named(tables: Path) -> None:
    name = str(incidents(tables)[0]["incident_id"])
    rows: list[dict[str, Any]] = [
        {"action": "label", "incident_id": name, "label": "false"}, {"action": "dance", "incident_id": name},
        {"action": "ack", "incident_id": "20261101-1200-0000000000"}, {"action": "label", "incident_id": name, "label": "yes"},
        {"action": "missed", "device": "a/1", "started": START, "ended": START - timedelta(hours=1)}, {"action": "close"},
    ]  # fmt: skip
    for row in rows:
        people.append(FEEDBACK, tables, row, now=START)
    said = ignored(tables)
    assert len(said) == 5
    for part in (
        "'dance' is no action",
        "there is no such incident",
        "label 'yes' is none",
        "no span of time",
        "incident_id is none",
    ):
        assert any(part in sentence for sentence in said), part
    assert [one["label"] for one in incidents(tables)] == ["false", None, None]


def test_a_stream_whose_newest_window_is_old_is_stale(tables: Path) -> None:
    newest = START + timedelta(minutes=359)
    assert stale(tables, now=newest + timedelta(minutes=5), most=timedelta(minutes=10)) is None
    assert "11 minutes ago" in str(stale(tables, now=newest + timedelta(minutes=11), most=timedelta(minutes=10)))


@pytest.mark.slow
def test_the_operators_line_counts_what_plants_count(tables: Path) -> None:
    found = kpi(incidents(tables), {}, start=START, end=START + timedelta(days=3))
    assert (found.incidents, found.a_day, found.worst_ten_minutes, found.standing) == (3, 1.0, 1, 1)
    assert found.levels == {"low": 0.0, "medium": pytest.approx(1 / 3), "high": pytest.approx(2 / 3)}
    many = [incidents(tables)[0] | {"opened": START + timedelta(seconds=n), "ended": START} for n in range(12)]
    burst = kpi(many, {}, start=START, end=START + timedelta(hours=1))
    assert burst.worst_ten_minutes == 12 and burst.flood_share == pytest.approx(1 / 6)


def invoke(tables: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*words, "--tables", str(tables)])
    ours = result.exception is not None and not isinstance(result.exception, SystemExit)
    return result.exit_code, str(result.exception) if ours else result.output


@pytest.mark.slow
def test_the_commands_list_say_and_check(tables: Path, tmp_path: Path) -> None:
    run = tmp_path / "run.yaml"
    run.write_text(json.dumps({"source": {"kind": "files", "path": ""}, "tables": {"path": str(tables)}, **SITES}))
    code, text = invoke(tables, "incidents", "--json", "--open")
    (listed,) = json.loads(text)
    name = listed["incident_id"]
    assert (code, listed["state"], listed["started"]) == (0, "open", "2026-11-01T05:55:00Z")
    assert invoke(tables, "label", name, "false", "--note", "a test")[1].startswith("version 1: label false")
    assert invoke(tables, "ack", name, "--until", "2026-11-01T08:00Z")[0] == 0
    assert invoke(tables, "missed", "a/1", "--from", "2026-11-01T01:00Z", "--to", "2026-11-01T01:10Z")[0] == 0
    assert sorted(row["action"] for row in people.read(FEEDBACK, tables)[0]) == ["ack", "label", "missed"]
    assert "there is no such incident" in invoke(tables, "close", "20261101-1200-0000000000")[1]
    assert invoke(tables, "incidents", "--verify", "--config", str(run))[0] == 0
    assert invoke(tables, "incidents", "--verify")[0] == 1, "without the sites of its run it is another fold"
    assert invoke(tables, "incidents", "--check")[0] == 1
    assert "incidents a day and operator" in invoke(tables, "incidents", "--kpi")[1]


def test_on_databricks_a_command_prints_its_insert(tmp_path: Path) -> None:
    run = tmp_path / "run.yaml"
    run.write_text(
        json.dumps({"source": {"kind": "files", "path": ""}, "tables": {"catalog": "main", "schema": "iot"}})
    )
    result = CliRunner().invoke(
        app, ["label", "20261101-1200-0000000000", "true", "--owner", "ana", "--config", str(run)]
    )
    assert (
        "INSERT INTO `main`.`iot`.`feedback` (action, incident_id, label, owner, changed) VALUES "
        "('label', '20261101-1200-0000000000', 'true', 'ana', current_timestamp())"
    ) in str(result.exception)
