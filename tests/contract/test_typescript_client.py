"""Microsoft's TypeScript client (@azure-rest/ai-anomaly-detector), unchanged, against the server."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ad_stream.azure_api.local_server import local_server

PACKAGES = ["@azure-rest/ai-anomaly-detector@1.0.0-beta.1", "@azure/core-auth@1.9.0"]
SCRIPT = Path(__file__).with_name("typescript_client.mjs")

# Fetches packages from the npm registry: the other tests need no network once set up.
pytestmark = [pytest.mark.soak, pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm")]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("npm")
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, *PACKAGES], check=True, timeout=300
    )
    with local_server() as server:
        command = ["node", str(SCRIPT), str(folder), server.endpoint, server.key]
        out = subprocess.run(command, check=True, timeout=120, capture_output=True, text=True).stdout
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_last_point_is_flagged(answers: dict[str, Any]) -> None:
    assert answers["last"]["status"] == "200"
    assert (answers["last"]["body"]["isAnomaly"], answers["last"]["body"]["isPositiveAnomaly"]) == (True, True)


def test_entire_and_change_point_answer_for_each_point(answers: dict[str, Any]) -> None:
    flags = answers["entire"]["body"]["isAnomaly"]
    assert (len(flags), flags[-1]) == (60, True)
    assert len(answers["changepoint"]["body"]["isChangePoint"]) == 60


def test_errors_arrive_with_the_code_of_the_contract(answers: dict[str, Any]) -> None:
    assert (answers["short"]["status"], answers["short"]["body"]["code"]) == ("400", "InvalidSeries")
    assert (answers["wrong"]["status"], answers["wrong"]["body"]["code"]) == ("401", "Unauthorized")
