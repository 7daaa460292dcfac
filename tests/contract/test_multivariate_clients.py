"""Microsoft's own clients of all generations, unchanged, against the multivariate API: 3.0.0b3, b4, b5, b6."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ad_stream.azure_api.admission import Keys, Limits
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.multivariate.settings import MultivariateSettings
from ad_stream.azure_api.server import create_app
from tests.support.clients import installed
from tests.support.plant_files import FAULT, START, pump, table_of, times, zipped
from tests.support.waiting import wait_for

anomalydetector = pytest.importorskip("azure.ai.anomalydetector", reason="azure-ai-anomalydetector is not installed")
models = pytest.importorskip("azure.ai.anomalydetector.models")
credentials = pytest.importorskip("azure.core.credentials")
exceptions = pytest.importorskip("azure.core.exceptions")

# Installs the earlier clients from PyPI.
pytestmark = pytest.mark.thorough
KEY = "the-same-key-as-before"
SCRIPT = Path(__file__).with_name("preview_client.py")
COLUMNS, STAMPS = pump(), times()
SPLIT = 1000
LAST = slice(FAULT.start - 60, FAULT.start + 1)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "pump.zip").write_bytes(zipped(COLUMNS, STAMPS))
    (folder / "pump.csv").write_text(table_of(COLUMNS, STAMPS))
    settings = MultivariateSettings(state=folder / "state", data_root=folder, processes=1)
    with listening(create_app(keys=Keys([KEY]), limits=Limits(workers=1), multivariate=settings)) as address:
        yield address


def moment(row: int) -> datetime:
    return datetime.fromisoformat(START.replace("Z", "+00:00")) + timedelta(minutes=row)


@pytest.mark.parametrize("name", ["b3", "b5"])
def test_the_previews_clients_do_all_they_could(endpoint: str, name: str, tmp_path: Path) -> None:
    """The wheels of b4 and b5 differ in their version number only."""
    command = [sys.executable, str(SCRIPT), endpoint, KEY, "pump.zip", START, STAMPS[SPLIT], STAMPS[-1]]
    last = {"timestamps": STAMPS[LAST], "values": {variable: column[LAST] for variable, column in COLUMNS.items()}}
    ran = subprocess.run(
        command,
        env=installed(name, tmp_path),
        input=json.dumps(last),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    out = json.loads(ran.stdout)
    assert out["version"] == f"3.0.0{name}"
    assert (out["status"], out["ready"], out["epochs"]) == (["READY", "READY"], True, list(range(10, 101, 10)))
    ends = [moment(0).isoformat(), moment(SPLIT).isoformat()]
    assert sorted(out["variables"]) == [[variable, SPLIT + 1, *ends] for variable in sorted(COLUMNS)]
    assert out["rows"] == len(STAMPS) - SPLIT
    assert {moment(row).isoformat() for row in FAULT} <= set(out["anomalies"])
    assert out["severity"] > 0.85
    assert (len(out["contributors"]), out["contributors"][0][0]) == (3, "current")
    assert out["setup"] == ["pump.zip", moment(SPLIT).isoformat()]
    assert ["READY", 3] in [row[1:] for row in out["listed"]]
    assert out["exported"] == "PK\x03\x04"
    assert out["deleted"] is None
    assert out["errors"] == [
        [400, "FileNotExist"], [400, "InvalidSlidingWindow"], [404, "ModelNotExist"], [404, "ResultNotExist"], [404, "ModelNotExist"],
    ]  # fmt: skip
    if name != "b3":
        assert out["last"] == [False, True]
        assert out["changed"]


@pytest.fixture(scope="module")
def client(endpoint: str) -> Iterator[Any]:
    with anomalydetector.AnomalyDetectorClient(endpoint, credentials.AzureKeyCredential(KEY)) as opened:
        yield opened


def info(source: str, **more: Any) -> Any:
    return models.ModelInfo(**{"data_source": source, "data_schema": "OneTable", "start_time": moment(0), "end_time": moment(SPLIT),
                               "sliding_window": 60, **more})  # fmt: skip


@pytest.fixture(scope="module")
def model(client: Any) -> Any:
    made = client.train_multivariate_model(
        info("pump.csv", display_name="pump", align_policy=models.AlignPolicy(align_mode="Outer"))
    )
    assert made.model_info.status == models.ModelStatus.CREATED
    wait_for(
        "no model", lambda: client.get_multivariate_model(made.model_id).model_info.status == models.ModelStatus.READY
    )
    return client.get_multivariate_model(made.model_id)


def test_b6_reads_every_field_of_a_model(model: Any) -> None:
    found = model.model_info
    assert (found.data_source, found.data_schema, found.display_name, found.sliding_window) == (
        "pump.csv",
        "OneTable",
        "pump",
        60,
    )
    assert (found.start_time, found.end_time, found.errors) == (moment(0), moment(SPLIT), [])
    assert (found.align_policy.align_mode, found.align_policy.fill_n_a_method) == ("Outer", "Linear")
    assert len(found.diagnostics_info.model_state.train_losses) == 10
    state = found.diagnostics_info.variable_states[0]
    assert (state.filled_n_a_ratio, state.effective_count, state.first_timestamp, state.last_timestamp) == (
        0,
        SPLIT + 1,
        moment(0),
        moment(SPLIT),
    )
    assert model.created_time.tzinfo is not None
    assert model.last_updated_time >= model.created_time > datetime.now(timezone.utc) - timedelta(hours=1)


def test_b6_detects_over_a_stretch(client: Any, model: Any) -> None:
    request = models.MultivariateBatchDetectionOptions(
        data_source="pump.csv", top_contributor_count=2, start_time=moment(SPLIT), end_time=moment(len(STAMPS))
    )
    asked = client.detect_multivariate_batch_anomaly(model.model_id, request)
    assert asked.summary.status == models.MultivariateBatchDetectionStatus.CREATED
    get = client.get_multivariate_batch_detection_result
    wait_for("no result", lambda: get(asked.result_id).summary.status == "READY")
    found = get(asked.result_id)
    assert (found.summary.errors, found.summary.setup_info.data_source) == ([], "pump.csv")
    assert [one.timestamp for one in found.results] == [moment(row) for row in range(SPLIT, len(STAMPS))]
    value = found.results[FAULT.start - SPLIT].value
    assert (value.is_anomaly, len(value.interpretation), value.interpretation[0].variable) == (True, 2, "current")
    assert value.severity > 0.85
    assert value.interpretation[0].correlation_changes.changed_variables


def test_b6_detects_the_last_row(client: Any, model: Any) -> None:
    variables = [
        models.VariableValues(variable=name, timestamps=STAMPS[LAST], values=column[LAST])
        for name, column in COLUMNS.items()
    ]
    found = client.detect_multivariate_last_anomaly(
        model.model_id, models.MultivariateLastDetectionOptions(variables=variables, top_contributor_count=1)
    )
    assert [(one.timestamp, one.value.is_anomaly) for one in found.results] == [(moment(FAULT.start), True)]
    assert [one.variable for one in found.results[0].value.interpretation] == ["current"]
    assert len(found.variable_states) == 3


def test_b6_lists_all_models_over_its_pages_and_deletes(client: Any, model: Any) -> None:
    made = [client.train_multivariate_model(info("pump.csv")).model_id for _ in range(2)]
    names = [one.model_id for one in client.list_multivariate_models(top=1)]
    assert {model.model_id, *made} <= set(names)
    assert len(names) == len(set(names))
    for name in made:
        assert client.delete_multivariate_model(name) is None
    with pytest.raises(exceptions.ResourceNotFoundError, match="The model does not exist"):
        client.get_multivariate_model(made[0])


def test_b6_sees_status_and_code_of_refusals(client: Any, model: Any) -> None:
    with pytest.raises(exceptions.HttpResponseError) as caught:
        client.train_multivariate_model(info("https://a.blob.core.windows.net/x.zip?sig=s3cr3t"))
    assert (caught.value.status_code, caught.value.error.code) == (400, "InvalidBlobURL")
    assert "s3cr3t" not in str(caught.value)
    failed = client.train_multivariate_model(info("pump.csv", end_time=moment(100))).model_id
    wait_for(
        "it never fails", lambda: client.get_multivariate_model(failed).model_info.status == models.ModelStatus.FAILED
    )
    (error,) = client.get_multivariate_model(failed).model_info.errors
    assert (error.code, "The length of data is 101" in error.message) == ("NotEnoughInput", True)
