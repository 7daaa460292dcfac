"""The recorded answers of the retired service, which stay outside the project: $AD_STREAM_SHARED, else ../shared."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from ad_stream.azure_api.admission import Keys
from ad_stream.azure_api.answer import answer
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.server import create_app

SHARED = Path(os.environ.get("AD_STREAM_SHARED") or Path(__file__).parents[2].parent / "shared")
CASES = sorted((SHARED / "conformance" / "cases").glob("*.json"))

pytestmark = pytest.mark.acceptance


def harness() -> ModuleType:
    spec = importlib.util.spec_from_file_location("conformance", SHARED / "conformance" / "conformance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(
    not CASES, reason=f"no recorded answers at {SHARED / 'conformance' / 'cases'}: set AD_STREAM_SHARED"
)
def test_all_recorded_cases_are_there() -> None:
    assert len(CASES) >= 77


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_recorded_answer_is_given_again(path: Path) -> None:
    case: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    failed, _ = harness().compare(case["type"], case["response"], answer(case["request"], case["type"]))
    assert failed == []


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with listening(create_app(keys=Keys(["key"]))) as address:
        yield address


@pytest.mark.parametrize("version", ["v1.0", "v1.1"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_recorded_answer_is_given_again_over_http(served: str, path: Path, version: str) -> None:
    case: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    url = f"{served}/anomalydetector/{version}/timeseries/{case['type']}/detect"
    reply = requests.post(url, json=case["request"], headers={"Ocp-Apim-Subscription-Key": "key"}, timeout=60)
    failed, _ = harness().compare(case["type"], case["response"], reply.json())
    assert failed == []
