"""A sample of messages is told by what it holds; what is not read is named, and what is not known is not guessed."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest
import yaml

from ad_stream.config import parse
from ad_stream.errors import InputError
from ad_stream.payloads.infer import infer
from ad_stream.payloads.sample import bodies_in
from tests.support.cases import case
from tests.support.payload_table import rows

BODY = {"deviceId": "x", "temperature": 20.5, "ts": "2026-03-02T06:00:01"}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.form)
def test_every_form_of_the_page_gives_a_section_that_loads(row: object) -> None:
    section = yaml.safe_load(infer(row.bodies).yaml())  # type: ignore[attr-defined]
    parse({"source": {"kind": "files", "path": "in"}, "tables": {"path": "out"}, **section})


def test_what_is_left_out_is_named_with_what_it_is() -> None:
    found = infer([{**BODY, "site": "north", "door": True, "tags": [1, 2]}])
    assert found.left_out["site"] == "text" and found.left_out["tags"] == "list of 2"
    assert "telemetry.switches" in found.left_out["door"]
    assert "# left out: site (text)" in found.yaml()


def test_a_time_without_a_zone_is_asked_about() -> None:
    assert "set telemetry.time_zone" in infer([BODY]).notes[0]


def test_a_date_that_could_be_two_is_asked_about() -> None:
    assert "day_first" in infer([{"t": 1, "deviceId": "x", "time": "02/03/2026 06:00:00"}]).notes[0]


def test_several_forms_in_one_sample_are_noted() -> None:
    bodies = [{"telemetry": {"t": 1}, "deviceId": "x"}] * 3 + [{"t": 1, "deviceId": "x"}]
    found = infer(bodies)
    assert found.telemetry == {"signals": "auto", "records": "auto"}
    assert found.notes[0].startswith("3 of 4 elements: IoT Central export, read best by {")


@pytest.mark.parametrize("kind", ["plain", "envelope", "routed", "gzip", "pretty", "routed_json", "gzip_body"])
def test_a_sample_may_be_of_any_kind(tmp_path: Path, kind: str) -> None:
    text = json.dumps(BODY)
    packed = base64.b64encode(gzip.compress(text.encode())).decode()
    system: dict[str, dict[str, str]] = {"systemProperties": {}}
    content = {
        "plain": "\ufeff" + text + "\r\n" + text + "\n",
        "envelope": json.dumps({"body": base64.b64encode(text.encode()).decode(), **system}),
        "routed": json.dumps({"Body": base64.b64encode(text.encode()).decode(), "SystemProperties": {}}),
        "routed_json": json.dumps({"Body": BODY, "SystemProperties": {}}),
        "gzip": text, "pretty": json.dumps(BODY, indent=2), "gzip_body": json.dumps({"body": packed, **system}),
    }[kind].encode()  # fmt: skip
    path = tmp_path / "sample"
    path.write_bytes(gzip.compress(content) if kind == "gzip" else content)
    bodies, broken = bodies_in(path)
    assert (bodies[0], broken) == (BODY, 0)


def test_a_file_without_json_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("time,value\n")
    with pytest.raises(InputError, match="holds no JSON: give a file with a few messages"):
        bodies_in(path)


def test_the_cases_of_nested_and_named_values() -> None:
    for name in ("stream-nested-telemetry", "stream-name-value-records"):
        bodies, _ = bodies_in(case(name) / "in.jsonl")
        assert infer(bodies).signals
