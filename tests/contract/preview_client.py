"""What a program written for azure-ai-anomalydetector 3.0.0b3, b4 or b5 does; one JSON object on standard output.

python preview_client.py ENDPOINT KEY SOURCE
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import azure.ai.anomalydetector as package
from azure.ai.anomalydetector import AnomalyDetectorClient
from azure.ai.anomalydetector import models as m
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

endpoint, key, source, start, middle, end = sys.argv[1:]
# Here the credential comes first; the types that are installed are of 3.0.0b6, where it comes second.
connect: Any = AnomalyDetectorClient
client: Any = connect(AzureKeyCredential(key), endpoint)
models: Any = m
policy = models.AlignPolicy(align_mode="Outer", fill_na_method="Linear")


def location(operation: Any, *arguments: Any) -> str:
    headers = operation(*arguments, cls=lambda *args: args)[-1]
    return str(headers["Location"]).split("/")[-1]


def done(get: Any, status: Any) -> Any:
    for _ in range(600):
        found = get()
        if status(found) in ("READY", "FAILED"):
            return found
        time.sleep(0.2)
    raise SystemExit("never done")


def code(operation: Any, *arguments: Any) -> list[Any]:
    try:
        operation(*arguments)
    except HttpResponseError as error:
        return [
            error.status_code,
            getattr(getattr(error, "error", None), "code", None) or error.response.headers["x-ms-error-code"],
        ]  # type: ignore[union-attr]
    return [200, ""]


info = models.ModelInfo(
    source=source, start_time=start, end_time=middle, sliding_window=60, align_policy=policy, display_name="pump"
)
name = location(client.train_multivariate_model, info)
model = done(lambda: client.get_multivariate_model(name), lambda found: found.model_info.status)
request = models.DetectionRequest(source=source, start_time=middle, end_time=end)
result_id = location(client.detect_anomaly, name, request)
result = done(lambda: client.get_detection_result(result_id), lambda found: found.summary.status)
flagged = [one for one in result.results if one.value.is_anomaly]
first = flagged[0].value
states = model.model_info.diagnostics_info.variable_states
out = {
    "version": package.__version__,
    "status": [model.model_info.status, result.summary.status],
    "ready": model.model_info.status == models.ModelStatus.READY,
    "epochs": list(model.model_info.diagnostics_info.model_state.epoch_ids),
    "variables": [
        [one.variable, one.effective_count, one.start_time.isoformat(), one.end_time.isoformat()] for one in states
    ],
    "rows": len(result.results),
    "anomalies": [one.timestamp.isoformat() for one in flagged],
    "severity": first.severity,
    "contributors": [
        [one.variable, one.contribution_score] for one in getattr(first, "interpretation", None) or first.contributors
    ],
    "setup": [result.summary.setup_info.source, result.summary.setup_info.start_time.isoformat()],
    "listed": [
        [one.model_id, one.status, one.variables_count] for one in client.list_multivariate_model(skip=0, top=1)
    ],
    "exported": b"".join(client.export_model(name))[:4].decode("latin-1"),
}
if hasattr(client, "last_detect_anomaly"):
    table = json.loads(sys.stdin.read())
    variables = [
        models.VariableValues(name=k, timestamps=table["timestamps"], values=v) for k, v in table["values"].items()
    ]
    last = client.last_detect_anomaly(name, models.LastDetectionRequest(variables=variables, detecting_points=2))
    out["last"] = [one.value.is_anomaly for one in last.results]
    out["changed"] = first.interpretation[0].correlation_changes.changed_variables
out["errors"] = [
    code(client.train_multivariate_model, models.ModelInfo(source="none.zip", start_time=start, end_time=end)),
    code(
        client.train_multivariate_model,
        models.ModelInfo(source=source, start_time=start, end_time=end, sliding_window=3000),
    ),
    code(client.get_multivariate_model, "00000000-0000-0000-0000-000000000000"),
    code(client.get_detection_result, "00000000-0000-0000-0000-000000000000"),
]
out["deleted"] = client.delete_multivariate_model(name)
out["errors"].append(code(client.get_multivariate_model, name))
print(json.dumps(out))
