"""What becomes of notebooks and scripts that were written for the service or for the streaming sample."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ad_stream.azure_api.migrate import Migration, migrate
from ad_stream.azure_api.notebook_files import read_source
from ad_stream.config import parse
from ad_stream.errors import InputError

KEY = "0123456789abcdef0123456789abcdef"

SAMPLE = f'''
from pyspark.sql.functions import *
import warnings, requests
warnings.filterwarnings("ignore")
subscription_key = "{KEY}"
ehConf = {{"eventhubs.connectionString": "Endpoint=sb://x/;SharedAccessKey=c2VjcmV0c2VjcmV0"}}
df = spark.readStream.format("eventhubs").options(**ehConf).load()
grouped = df.groupBy(window("time", "15 minutes", "10 minutes")).agg(max("temperature"))
stamped = grouped.withColumn("minute", concat(col("hour"), lit(":"), col("minute")))

def send(frame, epoch_id):
    rows = frame.collect()
    if len(rows) >= 12:
        try:
            body = {{"series": rows, "granularity": "minutely", "sensitivity": 85, "maxAnomalyRatio": 0.3}}
            r = requests.post(endpoint + "/anomalydetector/v1.0/timeseries/last/detect", json=body)
            requests.post("https://api.powerbi.com/beta/x", json={{"isAnomaly": str(r.json()["isAnomaly"])}})
        except Exception as e:
            print(e)

stamped.writeStream.outputMode("complete").foreachBatch(send).trigger(processingTime="30 seconds").start()
'''


def texts(migration: Migration) -> str:
    return "\n".join(note.text for note in migration.notes)


def test_the_streaming_sample_becomes_a_configuration_that_loads() -> None:
    migration = migrate(SAMPLE)
    config = yaml.safe_load(migration.yaml())
    assert config["source"]["kind"] == "event_hubs"
    assert config["detection"] == {"detector": "service", "sensitivity": 85}
    assert config["fallback"] == {"max_anomaly_ratio": 0.3, "sensitivity": 85}
    assert config["minutes"]["aggregate"] == "max"
    assert config["push"] == [{"kind": "power_bi", "url": "${env:POWER_BI_URL}", "rows": "all"}]
    assert config["trigger"] == "30 seconds"
    assert parse(config).detection.detector.name == "service"


@pytest.mark.parametrize(
    "words",
    [
        "holds a key in the code", "rewrites all windows", "overlapping windows", "builds times out of text",
        "counts the points of all devices", "collects the history on the driver", "without a timeout",
        "prints a failed call", "sends flags as text", "imports everything by star", "switches warnings off",
        "ignores the batch's number", "has no watermark", "has no checkpoint", "merges all devices",
        "asks for the last point",
    ],
)  # fmt: skip
def test_each_habit_of_the_sample_gets_its_line(words: str) -> None:
    assert words in texts(migrate(SAMPLE))


def test_notes_name_the_line() -> None:
    lines = SAMPLE.splitlines()
    found = {note.text: note.line for note in migrate(SAMPLE).notes}
    line = next(line for text, line in found.items() if text.startswith("rewrites all windows"))
    assert "outputMode" in lines[line - 1]


def test_no_key_is_printed() -> None:
    migration = migrate(SAMPLE)
    assert KEY not in migration.yaml() + repr(migration)
    assert "c2VjcmV0" not in migration.yaml() + repr(migration)


def test_good_habits_get_no_note() -> None:
    clean = """
    df = spark.readStream.format("kafka").option("subscribe", "iot").load().withWatermark("time", "2 minutes")
    by_device = df.groupBy("deviceId", window("time", "1 minute")).agg(avg("temperature"))
    def send(frame, batch_id):
        requests.post(url, json=rows(frame, batch_id), timeout=10)
    by_device.writeStream.option("checkpointLocation", path).foreachBatch(send).start()
    key = os.environ["AD_API_KEY"]
    """
    migration = migrate(clean)
    assert migration.notes == ()
    assert migration.config["source"]["topic"] == "iot"
    assert migration.config["minutes"]["aggregate"] == "mean"
    parse(migration.config)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("client.detect_univariate_entire_series(options)", "asks for a whole series"),
        ("client.detect_last_point(body)", "asks for the last point"),
        ("DetectLastAnomaly().setSubscriptionKey(key)", "asks for the last point"),
        ("SimpleDetectAnomalies().setLocation('westus2')", "asks for a whole series"),
        ("client.detect_univariate_change_point(options)", "asks for change points"),
        (
            "client.train_multivariate_model(info)",
            "multivariate API: set the endpoint to `ad-stream serve --state FOLDER`",
        ),
        ("TimeGranularity.DAILY, granularity=TimeGranularity.DAILY", "another grid than one minute"),
        ("setGranularity('monthly')", "another grid than one minute"),
    ],
)
def test_sdks_and_transformers_are_recognised(code: str, words: str) -> None:
    assert words in texts(migrate(code))


def test_a_file_without_anything_of_the_service_has_no_notes() -> None:
    assert migrate("print('hello')\n").notes == ()


def test_a_notebook_is_read_cell_by_cell(tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    cells = [
        {"cell_type": "markdown", "source": ["outputMode('complete')"]},
        {"cell_type": "code", "source": ["a = 1\n", "b = 2"]},
        {"cell_type": "code", "source": "c = 3"},
    ]
    path.write_text(json.dumps({"cells": cells}))
    assert read_source(path) == "a = 1\nb = 2\nc = 3"


@pytest.mark.parametrize("content", ["", "[]", '{"cells": 3}', '{"cells": [{}]}', "["])
def test_a_broken_notebook_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "old.ipynb"
    path.write_text(content)
    with pytest.raises(InputError, match="is no notebook or script in UTF-8"):
        read_source(path)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read .No such file or directory.: name a notebook or a script"):
        read_source(tmp_path / "none.py")
