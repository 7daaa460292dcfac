"""The multivariate API over sockets, as its three versions have it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from ad_stream.azure_api.multivariate.settings import MultivariateSettings
from tests.support.plant_files import FAULT, pump
from tests.support.waiting import wait_for
from tests.unit.azure_api.multivariate.conftest import FILE, HEADERS, STAMPS, Api, serving_models

GENERAL, PREVIEW_1, PREVIEW = "v1.1", "v1.1-preview.1", "v1.1-preview"
STRETCH = {"startTime": STAMPS[1000], "endTime": STAMPS[-1]}
Trained = tuple[Api, str]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """A server and a model of it."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "pump.zip").write_bytes(FILE)
    with serving_models(MultivariateSettings(state=folder / "state", data_root=folder, processes=1)) as address:
        yield Api(address), Api(address).trained("pump.zip")


def told(reply: requests.Response, status: int, code: str) -> None:
    assert (reply.status_code, reply.json()["code"], reply.headers["x-ms-error-code"]) == (status, code, code)
    assert set(reply.json()) == {"code", "message"}


def last_body(named: str, **fields: Any) -> dict[str, Any]:
    rows = slice(FAULT.start - 60, FAULT.start + 1)
    return {
        "variables": [{named: k, "timestamps": STAMPS[rows], "values": v[rows]} for k, v in pump().items()],
        **fields,
    }


def test_the_general_version_from_training_to_deletion(trained: Trained) -> None:
    api, _ = trained
    made = api.train("pump.zip", displayName="pump")
    assert made.status_code == 201
    name = made.json()["modelId"]
    assert made.headers["Location"].split("/")[-1] == name
    assert made.json()["modelInfo"]["status"] == "CREATED"
    assert api.settled(name) == "READY"
    info = api.model(name)["modelInfo"]
    assert (info["dataSource"], info["dataSchema"], info["slidingWindow"], info["displayName"]) == (
        "pump.zip",
        "OneTable",
        60,
        "pump",
    )
    assert {"firstTimestamp", "lastTimestamp"} <= info["diagnosticsInfo"]["variableStates"][0].keys()

    asked = api.ask(
        "POST", f"/models/{name}:detect-batch", json={"dataSource": "pump.zip", "topContributorCount": 2, **STRETCH}
    )
    assert asked.status_code == 202
    result = asked.headers["operation-id"]
    assert asked.headers["operation-location"].endswith(f"/v1.1/multivariate/detect-batch/{result}")
    assert (asked.json()["resultId"], asked.json()["results"], asked.json()["summary"]["status"]) == (
        result,
        [],
        "CREATED",
    )
    wait_for("no result", lambda: api.ask("GET", f"/detect-batch/{result}").json()["summary"]["status"] == "READY")
    found = api.ask("GET", f"/detect-batch/{result}").json()
    assert found["summary"]["setupInfo"] == {"dataSource": "pump.zip", "topContributorCount": 2, **STRETCH}
    assert [one["timestamp"] for one in found["results"]] == STAMPS[1000:]
    row = found["results"][FAULT.start - 1000]["value"]
    assert (row["isAnomaly"], len(row["interpretation"]), "contributors" in row) == (True, 2, False)

    last = api.ask("POST", f"/models/{name}:detect-last", json=last_body("variable", topContributorCount=2))
    assert last.status_code == 200
    (only,) = [one["value"] for one in last.json()["results"]]
    assert only["isAnomaly"]
    assert [one["variable"] for one in only["interpretation"]] == [one["variable"] for one in row["interpretation"]]

    assert api.ask("DELETE", f"/models/{name}").status_code == 204
    told(api.ask("GET", f"/models/{name}"), 404, "ModelNotExist")
    told(api.ask("DELETE", f"/models/{name}"), 404, "ModelNotExist")
    told(api.ask("POST", f"/models/{name}:detect-last", json=last_body("variable")), 404, "ModelNotExist")


@pytest.mark.parametrize("version", [PREVIEW_1, PREVIEW])
def test_the_previews_have_their_own_paths_and_names(trained: Trained, version: str) -> None:
    api, name = trained
    api = replace(api, version=version)
    info = api.model(name)["modelInfo"]
    assert (info["source"], "dataSource" in info, "dataSchema" in info) == ("pump.zip", False, False)
    assert {"startTime", "endTime", "errors"} <= info["diagnosticsInfo"]["variableStates"][0].keys()
    asked = api.ask("POST", f"/models/{name}/detect", json={"source": "pump.zip", **STRETCH})
    assert asked.status_code == 201
    result = asked.headers["Location"].split("/")[-1]
    wait_for("no result", lambda: api.ask("GET", f"/results/{result}").json()["summary"]["status"] == "READY")
    found = api.ask("GET", f"/results/{result}").json()
    assert found["summary"]["setupInfo"] == {"source": "pump.zip", **STRETCH}
    row = found["results"][FAULT.start - 1000]["value"]
    assert len(row["interpretation"]) == 3
    named = [(one["variable"], one["contributionScore"]) for one in row["interpretation"]]
    assert ("contributors" in row) is (version == PREVIEW)
    assert [tuple(one.values()) for one in row.get("contributors", [])] == (named if version == PREVIEW else [])
    last = api.ask("POST", f"/models/{name}/last/detect", json=last_body("name", detectingPoints=2))
    if version == PREVIEW:
        told(last, 404, "NotOffered")
    else:
        assert [one["value"]["isAnomaly"] for one in last.json()["results"]] == [False, True]
    listed = api.ask("GET", "/models").json()["models"]
    assert {"modelId", "status", "displayName", "variablesCount"} <= listed[-1].keys()


def test_a_model_can_be_taken_along(trained: Trained) -> None:
    api, name = trained
    reply = replace(api, version=PREVIEW_1).ask("GET", f"/models/{name}/export")
    assert reply.headers["content-type"] == "application/zip"
    assert zipfile.ZipFile(io.BytesIO(reply.content)).namelist() == ["record.json", "model.npz"]
    told(api.ask("GET", f"/models/{name}/export"), 404, "NotOffered")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/models"), ("GET", "/models"), ("GET", "/models/x"), ("DELETE", "/models/x"), ("POST", "/models/x:detect-batch"),
        ("POST", "/models/x:detect-last"), ("GET", "/detect-batch/x"), ("PUT", "/files/x.zip"),
    ],
)  # fmt: skip
def test_every_path_asks_for_the_key_before_all_else(trained: Trained, method: str, path: str) -> None:
    api, _ = trained
    told(api.ask(method, path, headers={"Ocp-Apim-Subscription-Key": "wrong"}, data=b"x" * 1000), 401, "Unauthorized")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/models/00000000-0000-0000-0000-000000000000", 404, "ModelNotExist"),
        ("GET", "/models/..%2f..%2fetc", 404, "NotOffered"),
        ("GET", "/models/%00", 404, "ModelNotExist"),
        ("GET", "/detect-batch/00000000-0000-0000-0000-000000000000", 404, "ResultNotExist"),
        ("GET", "/models?skip=-1", 400, "InvalidRequestParameterError"),
        ("GET", "/models?$top=ten", 400, "InvalidRequestParameterError"),
        ("GET", "/models?top=0", 400, "InvalidRequestParameterError"),
        ("GET", "/models?skipToken=1", 200, ""),
        ("GET", "/models?skipToken=a-b", 400, "InvalidRequestParameterError"),
        ("POST", "/models", 400, "InvalidJsonFormat"),
        ("PUT", "/models", 404, "NotOffered"),
        ("PUT", "/files/.hidden", 400, "InvalidRequestParameterError"),
        ("PUT", "/files/a b", 400, "InvalidRequestParameterError"),
        ("GET", "/nothing", 404, "NotOffered"),
    ],
)
def test_what_is_not_there_and_what_is_wrong(trained: Trained, method: str, path: str, status: int, code: str) -> None:
    reply = trained[0].ask(method, path)
    if status == 200:
        assert reply.status_code == 200
    else:
        told(reply, status, code)


def test_the_first_version_never_had_it(trained: Trained) -> None:
    told(replace(trained[0], version="v1.0").ask("GET", "/models"), 404, "NotOffered")


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        ("none.zip", 400, "FileNotExist"),
        ("../state/lock", 400, "FileNotExist"),
        ("https://a.blob.core.windows.net/x.zip?sig=s3cr3t", 400, "InvalidBlobURL"),
        ("http://169.254.169.254/metadata/instance", 400, "InvalidBlobURL"),
        ("http://127.0.0.1:1/x.zip?sig=s3cr3t", 400, "InvalidBlobURL"),
    ],
)
def test_sources_that_cannot_be_are_refused_at_once(trained: Trained, source: str, status: int, code: str) -> None:
    api, name = trained
    for reply in (
        api.train(source),
        api.ask("POST", f"/models/{name}:detect-batch", json={"dataSource": source, **STRETCH}),
    ):
        told(reply, status, code)
        assert "s3cr3t" not in reply.text


def test_an_uploaded_file_is_a_source(trained: Trained) -> None:
    api, _ = trained
    reply = api.ask("PUT", "/files/Mine.zip", data=FILE)
    assert (reply.status_code, reply.json()) == (
        201,
        {"source": "files/mine.zip", "dataSource": "files/mine.zip", "bytes": len(FILE)},
    )
    assert api.train(reply.json()["dataSource"]).status_code == 201


def test_uploads_are_bounded_one_by_one_and_together(server: Callable[..., Api], tmp_path: Path) -> None:
    api = server(source_bytes=1000, uploads_bytes=1500)
    told(api.ask("PUT", "/files/a", data=b"x" * 1001), 413, "RequestEntityTooLarge")
    told(api.ask("PUT", "/files/a", data=iter([b"x" * 600, b"x" * 600])), 413, "InvalidFileSize")
    assert api.ask("PUT", "/files/a", data=b"x" * 1000).status_code == 201
    told(api.ask("PUT", "/files/b", data=b"x" * 600), 413, "InvalidFileSize")
    assert api.ask("PUT", "/files/a", data=b"x" * 900).status_code == 201
    assert [(path.name, path.stat().st_size) for path in (tmp_path / "state" / "files").iterdir()] == [("a", 900)]
    assert list((tmp_path / "state" / "scratch").iterdir()) == []


def test_the_list_goes_page_by_page_as_the_old_clients_and_the_new_one_follow_it(trained: Trained) -> None:
    api, _ = trained
    for _ in range(3):
        api.train("pump.zip")
    names = [one["modelId"] for one in api.ask("GET", "/models?top=1000").json()["models"]]
    assert len(names) >= 4
    for version, first in ((GENERAL, "/models?skip=1&top=2"), (PREVIEW_1, "/models?$skip=1&$top=2")):
        one = replace(api, version=version)
        page = one.ask("GET", first).json()
        seen = [row["modelId"] for row in page["models"]]
        assert len(seen) == 2
        while page["nextLink"]:
            # 3.0.0b4 and b5 append the parameters of the first page to every link.
            more = "&$skip=1&$top=2" if version == PREVIEW_1 else ""
            page = requests.get(page["nextLink"] + more, headers=HEADERS, timeout=60).json()
            seen += [row["modelId"] for row in page["models"]]
        assert sorted(seen) == sorted(names[1:]) or len(seen) == len(names) - 1
        assert page["currentCount"] == len(names)


def test_metrics_count_its_operations_and_openapi_lists_its_paths(trained: Trained) -> None:
    api, name = trained
    api.model(name)
    text = requests.get(f"{api.address}/metrics", timeout=60).text
    assert 'ad_stream_requests_total{operation="multivariate_model",status="200"}' in text
    paths = requests.get(f"{api.address}/openapi.json", timeout=60).json()["paths"]
    assert "/anomalydetector/v1.1/multivariate/models/{model_id}:detect-batch" in paths
