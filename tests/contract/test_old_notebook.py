"""The retired service's own multivariate notebook, its cells unchanged: telemetry by address, upload to a blob, SAS, detection, chart.

Storage is Azurite, Microsoft's own emulator, on loopback; telemetry and detection are `ad-stream serve`. Only the environment
variables that the notebook reads are ours.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from ad_stream.azure_api.admission import Keys, Limits
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.multivariate.settings import MultivariateSettings
from ad_stream.azure_api.server import create_app
from tests.support.children import child
from tests.support.clients import installed
from tests.support.plant_files import FAULT, pump, table_of, times
from tests.support.shared import shared
from tests.support.waiting import wait_for
from tests.unit.azure_api.multivariate.conftest import KEY, Api

AZURITE = "azurite@3.37.0"
# Fetches 360 MB from the npm registry.
pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm, so no Azurite"),
]

ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, the same everywhere (learn.microsoft.com/azure/storage/common/storage-use-azurite)."""
ROWS = 7 * 1440 - 30
CONTAINER = """
import os
from azure.storage.blob import BlobServiceClient
BlobServiceClient.from_connection_string(os.environ["storage_connection_string"]).create_container("data")
"""
FETCH = """
import pathlib, sys, urllib.request
part = pathlib.Path("page.part")
part.write_bytes(urllib.request.urlopen(sys.argv[1]).read())
part.rename("page.html")
"""
AFTERWARDS = """
import json
facts = {"rows": len(r.results), "index": list(df.index), "anomalous": anomalous_timestamps, "top": top_values,
         "columns": list(df.columns), "status": str(r.summary.status),
         "traces": [[trace.name, len(trace.x)] for trace in fig.data],
         "scores": [min(scores), max(scores)], "severities": [min(sev), max(sev)]}
Path("facts.json").write_text(json.dumps(facts))
"""


class Storage(NamedTuple):
    host: str
    connection: str


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    folder = tmp_path_factory.mktemp("azurite")
    npm = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), AZURITE]
    if subprocess.run(npm, timeout=600, capture_output=True).returncode != 0:
        pytest.skip(f"npm could not install {AZURITE}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    command = [str(folder / "node_modules" / ".bin" / "azurite-blob"), "--location", str(folder / "blobs"), "--silent"]
    options = [
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        host.split(":")[1],
        "--skipApiVersionCheck",
        "--disableTelemetry",
    ]
    with child([*command, *options], group=True, stdout=subprocess.DEVNULL):
        wait_for("Azurite does not listen", lambda: listens(host))
        endpoint = f"BlobEndpoint=http://{host}/{ACCOUNT}/"
        yield Storage(host, f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};{endpoint};")


def listens(host: str) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", int(host.split(":")[1]))) == 0


def cells() -> str:
    """The code of the notebook as it was published, cell by cell."""
    text = shared("multivariate/seed_notebook.md", "the old notebook is").read_text(encoding="utf-8")
    return "\n\n".join(re.split(r"^In \[.*?\]:\n", text, flags=re.MULTILINE)[1:])


def stored_minutes(tables: Path, begin: datetime) -> None:
    """The table `minutes` of machine1, as a stream leaves it."""
    for signal, values in pump(ROWS).items():
        moments = pd.date_range(begin, periods=ROWS, freq="min").as_unit("us")
        table = pa.table({
            "device_id": ["machine1"] * ROWS, "signal": [signal] * ROWS, "minute": pa.array(moments, pa.timestamp("us", "UTC")),
            "revision": pa.array([0] * ROWS, pa.int32()), "value": values,
        })  # fmt: skip
        write_deltalake(str(tables / "minutes"), table, mode="append")


def test_its_cells_run_as_they_are_and_draw_their_picture(storage: Storage, tmp_path: Path) -> None:
    begin = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=ROWS)
    stored_minutes(tmp_path / "tables", begin)
    (tmp_path / "earlier.csv").write_text(table_of(pump(seed=8), times()))
    settings = MultivariateSettings(state=tmp_path / "state", data_root=tmp_path, hosts=(storage.host,), processes=1)
    app = create_app(keys=Keys([KEY]), limits=Limits(workers=1), multivariate=settings, tables=tmp_path / "tables")
    with listening(app) as address:
        api = Api(address)
        made = api.train("earlier.csv", endTime=times()[FAULT.start - 1], slidingWindow=300)
        model = str(made.json()["modelId"])
        assert api.settled(model) == "READY"
        facts = run(tmp_path, {
            "inference_telemetry_endpoint_url": f"{address}/telemetry",
            "inference_telemetry_endpoint_key": KEY,
            "storage_connection_string": storage.connection,
            "anomaly_detector_endpoint": address,
            "anomaly_detector_key": KEY,
            "anomaly_detector_model_id": model,
        })  # fmt: skip
    check(facts, begin)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Visualization of detection results" in page
    kept = os.environ.get("AD_STREAM_KEEP_PICTURE")
    if kept:
        shutil.copy(tmp_path / "page.html", kept)


def run(folder: Path, variables: dict[str, str]) -> dict[str, Any]:
    """The cells in a Python of their own with the packages that the notebook names; what it found."""
    (folder / "notebook.py").write_text(cells() + AFTERWARDS, encoding="utf-8")
    (folder / "fetch.py").write_text(FETCH)
    browser = f"{sys.executable} {folder / 'fetch.py'} %s &"
    environment = (
        installed("notebook", folder)
        | variables
        | {"TMPDIR": str(folder), "BROWSER": browser, "PLOTLY_RENDERER": "browser"}
    )
    for command in (["-c", CONTAINER], ["notebook.py"]):
        ran = subprocess.run(
            [sys.executable, *command], env=environment, cwd=folder, capture_output=True, text=True, timeout=600
        )
        assert ran.returncode == 0, ran.stderr
    assert "Anomaly detection completed" in ran.stdout
    assert "Display chart" in ran.stdout
    wait_for("the chart was never shown", (folder / "page.html").exists)
    found: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    return found


def check(facts: dict[str, Any], begin: datetime) -> None:
    """The notebook's three traps: a row for each time, a value in each row, three contributors in each anomaly."""
    stamps = [f"{begin + timedelta(minutes=row):%Y-%m-%dT%H:%M:%SZ}" for row in range(ROWS)]
    # The first minute may have left the seven days meanwhile.
    assert facts["index"] in (stamps, stamps[1:], stamps[2:])
    assert facts["rows"] == len(facts["index"])
    fault = [stamps[row] for row in FAULT]
    found = set(facts["anomalous"])
    assert fault[0] in found
    assert len(found & set(fault)) >= 20
    assert len(found - set(fault)) <= 10
    tops = facts["top"].values()
    assert [len(values) for values in tops] == [len(found)] * 3
    names = [
        *sorted(facts["columns"]),
        "Top 1 contributor",
        "Top 2 contributor",
        "Top 3 contributor",
        "score",
        "severity",
    ]
    assert [name for name, _ in facts["traces"]] == names
    assert facts["severities"][0] == 0
    assert 0.85 < facts["severities"][1] <= 1
    assert 0 <= facts["scores"][0] < facts["scores"][1] <= 2
