"""What people bring to `ad-stream migrate`: clients of all languages, exports of all kinds, jobs with settings of their own."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from ad_stream.azure_api.migrate import migrate
from ad_stream.azure_api.notebook_files import read_cells
from ad_stream.config import parse
from ad_stream.errors import InputError
from tests.support.cases import case
from tests.unit.test_cli import ad_stream

LAST, ENTIRE, CHANGE = "asks for the last point", "asks for a whole series", "asks for change points"
JOB = """raw = spark.readStream.format("eventhubs").options(**eh).load()
agg = raw.withWatermark("ts", "10 minutes").groupBy(F.window("ts", "5 minutes"), "sensor_id").agg(F.avg("t"))
agg.writeStream.foreachBatch(score).option("checkpointLocation", "/cp").trigger(availableNow=True).start()
requests.post(u + "/anomalydetector/v1.0/timeseries/last/detect", json={"series": s, "sensitivity": 85}, timeout=5)
"""


def words_of(code: str) -> str:
    return "\n".join(note.text for note in migrate(code).notes)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("client.entire_detect(request)", ENTIRE),
        ("client.last_detect(request)", LAST),
        ("client.change_point_detect(request)", CHANGE),
        ("await client.DetectUnivariateEntireSeriesAsync(options)", ENTIRE),
        ("await client.LastDetectAsync(request)", LAST),
        ("client.changePointDetect(request)", CHANGE),  # Java 3.0.0-beta.2
        ("client.detectEntireSeries(body)", ENTIRE),
        ("client.detectUnivariateLastPoint(options)", LAST),  # Java 3.0.0-beta.5
        ('client.path("/timeseries/changePoint/detect").post({ body })', CHANGE),
        ("DetectLastAnomaly().setSeriesCol('series')", LAST),
        ("from synapse.ml.cognitive import DetectAnomalies", ENTIRE),
        ("| invoke series_uv_anomalies_fl('y')", ENTIRE),
        ("client.TrainMultivariateModelAsync(info)", "multivariate API"),
        ("SimpleFitMultivariateAnomaly().setAlignMode('Outer')", "multivariate API"),
    ],
)
def test_calls_of_all_clients_are_known(code: str, words: str) -> None:
    assert words in words_of(code)


def test_settings_of_a_job_are_carried() -> None:
    extra = 'eh = {"eventhubs.consumerGroup": "ml", "eventhubs.startingPosition": \'{"offset": "-1"}\'}\n'
    config = migrate(extra + JOB).config
    assert config["source"] == {
        "kind": "event_hubs",
        "connection_string": "${env:EVENT_HUB_CONNECTION_STRING}",
        "consumer_group": "ml",
        "start": "earliest",
    }
    assert config["telemetry"] == {"event_time": "ts", "device_id": ["system", "sensor_id"]}
    assert config["minutes"] == {"every": "5 minutes", "aggregate": "mean", "watermark": "10 minutes"}
    assert config["trigger"] == "available_now"
    parse(config)


def test_a_call_without_a_sensitivity_gets_the_services() -> None:
    migration = migrate("client.detect_last_point(body)")
    assert migration.config["detection"]["sensitivity"] == 99
    assert "the service took 99" in words_of("client.detect_last_point(body)")


def test_of_several_sensitivities_that_of_the_last_point_is_carried_and_the_others_are_named() -> None:
    code = (
        "client.entire_detect(Request(series=s, sensitivity=60))\n" * 2
        + "client.last_detect(Request(s, sensitivity=91))"
    )
    assert migrate(code).config["detection"]["sensitivity"] == 91
    assert "several values of sensitivity (60, 91): 91 is carried" in words_of(code)


def test_a_value_behind_a_variable_is_found() -> None:
    code = 'level = 70\nbody = {"series": s, "sensitivity": level}\npost("timeseries/last/detect")'
    assert migrate(code).config["detection"]["sensitivity"] == 70


@pytest.mark.parametrize(
    "key", ["<your-key-goes-here>", "YOUR_SUBSCRIPTION_KEY", "PASTE_IT_HERE_PLEASE", "xxxxxxxxxxxxxxxxxxxx"]
)
def test_a_placeholder_is_no_key(key: str) -> None:
    assert "holds a key" not in words_of(f'subscription_key = "{key}"')


def test_lines_count_in_their_cell() -> None:
    migration = migrate(["a = 1\n", "# text\nb = 2\nclient.last_detect(body, sensitivity=95)\n"])
    note = next(note for note in migration.notes if LAST in note.text)
    assert (note.cell, note.line, note.place) == (2, 3, "cell 2, line 3: ")


def model(*commands: str) -> str:
    return json.dumps(
        {"version": "NotebookV1", "commands": [{"command": one, "position": n} for n, one in enumerate(commands)]}
    )


def exports(folder: Path) -> list[Path]:
    """The same two cells as every export that a workspace offers."""
    cells = ["x = 1", JOB]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("folder/Score.python", model(*cells))
    html = f"<html><script>var __DATABRICKS_NOTEBOOK_MODEL = '{base64.b64encode(quote(model(*cells)).encode()).decode()}';</script>"
    third = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": [cell]} for cell in cells]}]}
    fourth = {"nbformat": 4, "cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    zeppelin = {"paragraphs": [{"text": cell} for cell in cells]}
    written = {
        "a.dbc": archive.getvalue(), "b.html": html.encode(), "c.ipynb": json.dumps(third).encode(),
        "d.ipynb": json.dumps(fourth).encode(), "e.json": json.dumps(zeppelin).encode(),
        "f.py": "\n# COMMAND ----------\n".join(cells).encode(), "g.ipynb": b"\xef\xbb\xbf" + json.dumps(fourth).encode(),
    }  # fmt: skip
    for name, content in written.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in written]


def test_every_export_gives_the_same_configuration(tmp_path: Path) -> None:
    wanted = migrate(JOB).config
    for path in exports(tmp_path):
        assert migrate(read_cells(path)).config == wanted, path.name
        assert [note.cell for note in migrate(read_cells(path)).notes if LAST in note.text] == [2], path.name


@pytest.mark.parametrize("content", [b"time,value\n2026-01-01,5\n", b"print('hello')\n", b"<pre>hello</pre>"])
def test_a_file_without_anything_of_the_service_ends_with_2(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ("page.html" if content[:1] == b"<" else "data.csv")
    path.write_bytes(content)
    result = ad_stream("migrate", str(path))
    assert (result.returncode, result.stdout) == (2, "")
    assert "nothing to migrate here" in result.stderr


def test_an_archive_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.dbc"
    path.write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(InputError, match="export the notebook again as .ipynb or source"):
        read_cells(path)


@pytest.mark.parametrize(
    ("name", "file", "words"),
    [
        ("migrate-calls-not-found", "old_sdk.py", (LAST, ENTIRE)),
        ("migrate-calls-not-found", "Sdk.cs", (LAST, ENTIRE, CHANGE)),
        ("migrate-calls-not-found", "sdk.js", (LAST, ENTIRE, CHANGE)),
        ("migrate-nothing-found", "databricks_export.html", (LAST,)),
        ("migrate-nothing-found", "nb3.ipynb", (LAST,)),
        ("migrate-nothing-found", "score.dbc", (LAST,)),
    ],
)
def test_the_cases_of_calls_and_exports(name: str, file: str, words: tuple[str, ...]) -> None:
    found = "\n".join(note.text for note in migrate(read_cells(case(name) / file)).notes)
    assert [one for one in words if one not in found] == []


def test_the_case_of_the_lost_watermark() -> None:
    config = migrate(read_cells(case("migrate-watermark-lost") / "stream_job.py")).config
    assert config["minutes"]["watermark"] == "10 minutes"
    assert config["source"]["consumer_group"] == "anomaly"
    assert config["telemetry"] == {"event_time": "ts", "device_id": ["system", "device_id"]}
