"""`ad-stream migrate --databricks`: what it prints passes `validate`, and `submit` takes it to a workspace unchanged."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from ad_stream import config as settings
from ad_stream.azure_api.migrate import Migration, migrate
from ad_stream.azure_api.migrate_databricks import Compute, JobPlace, commands, signals_of, to_databricks
from ad_stream.cli import app
from ad_stream.databricks import plan, portable
from ad_stream.errors import InputError
from tests.unit.azure_api.test_migrate import KEY, SAMPLE

SCHEMA = """
schema = StructType([
    StructField("deviceId", StringType()),
    StructField("temperature", DoubleType(), True),
    StructField("humidity", T.FloatType()),
    StructField("enqueuedTs", LongType()),
])
"""
OWN_SCOPE = 'conf["eventhubs.connectionString"] = dbutils.secrets.get(scope="plant", key="hub-conn")\n'
KAFKA = 'spark.readStream.format("kafka").option("subscribe", "iot-telemetry").load()\n'
FILES = 'spark.read.csv("/dbfs/tmp/x.csv")\n'


def moved(text: str, **where: object) -> Migration:
    wanted = JobPlace(**({"catalog": "plants", "schema": "iot"} | where))  # type: ignore[arg-type]
    return to_databricks(migrate(text), text, wanted)


@pytest.mark.parametrize("compute", ["auto", "classic", "serverless"])
@pytest.mark.parametrize("text", [SAMPLE, SAMPLE + SCHEMA, OWN_SCOPE + SAMPLE, KAFKA, FILES])
def test_what_comes_out_is_valid_and_holds_nothing_of_this_machine(text: str, compute: Compute) -> None:
    found = moved(text, compute=compute)
    config = settings.parse(yaml.safe_load(found.yaml()))
    secrets = portable.check(config)
    assert all(scope in ("ad-stream", "plant") for scope, _ in secrets)
    serverless = plan.serverless("stream", config, compute)
    assert serverless == (compute == "serverless"), "and the compute that was asked for can run it"
    assert KEY not in found.yaml()


def test_tables_checkpoint_secrets_and_signals_are_the_workspaces() -> None:
    config = moved(OWN_SCOPE + SAMPLE + SCHEMA).config
    assert config["tables"] == {"catalog": "plants", "schema": "iot"}
    assert config["checkpoint"] == "/Volumes/plants/iot/ad_stream/checkpoint/event_hubs"
    assert config["source"] == {"kind": "event_hubs", "connection_string": "{{secrets/plant/hub-conn}}"}
    assert config["push"][0]["url"] == "{{secrets/plant/power-bi-url}}"
    assert config["telemetry"]["signals"] == ["temperature", "humidity"]
    assert config["detection"] == {"detector": "service", "sensitivity": 85}


def test_serverless_reads_the_kafka_endpoint_in_bounded_runs() -> None:
    config = moved(SAMPLE, compute="serverless").config
    assert (config["source"]["kind"], config["trigger"]) == ("kafka", "available_now")
    topic = moved(KAFKA, compute="serverless").config["source"]
    assert topic["topic"] == "iot-telemetry"


@pytest.mark.parametrize(
    ("text", "signals"),
    [
        (SCHEMA, ["temperature", "humidity"]),
        ('StructType().add("flow", "double").add("name", "string").add("rpm", IntegerType())', ["flow", "rpm"]),
        ('new StructType().add("pressure", DoubleType)', ["pressure"]),
        ('from_json(body, "deviceId STRING, temperature DOUBLE, level DECIMAL(10, 2), ts BIGINT")', ["temperature", "level"]),
        ('schema = """deviceId STRING,\n  flow DOUBLE,\n  heat FLOAT"""', ["flow", "heat"]),
        ('StructField("a", DoubleType()), StructField("a", DoubleType())', ["a"]),
        ("x = double * 2  # int of it", []),
        ('print("the double of it")', []),
    ],
)  # fmt: skip
def test_signals_are_the_numbers_of_the_jobs_own_schema(text: str, signals: list[str]) -> None:
    assert signals_of(text) == signals


def test_a_scope_that_is_named_wins() -> None:
    config = moved(OWN_SCOPE + SAMPLE, scope="mine").config
    assert config["source"]["connection_string"] == "{{secrets/mine/eventhub-connection-string}}"


@pytest.mark.parametrize("where", [{"catalog": "a b"}, {"schema": "x/../y"}, {"scope": "}}"}, {"catalog": ""}])
def test_a_name_that_is_none_is_refused(where: dict[str, str]) -> None:
    with pytest.raises(InputError, match="is no name: give letters, digits"):
        moved(SAMPLE, **where)


def test_the_command_writes_a_file_that_validates_and_ends_with_what_to_type(tmp_path: Path) -> None:
    source, out = tmp_path / "old job.py", tmp_path / "new.yaml"
    source.write_text(OWN_SCOPE + SAMPLE + SCHEMA)
    words = ["migrate", str(source), "--databricks", "--catalog", "plants", "--out", str(out)]
    answer = CliRunner().invoke(app, words)
    assert (answer.exit_code, answer.stdout) == (0, "")
    typed = [shlex.split(line) for line in answer.stderr.split("Now type:\n")[1].splitlines()]
    assert typed == [
        ["databricks", "secrets", "put-secret", "plant", "hub-conn"],
        ["databricks", "secrets", "put-secret", "plant", "power-bi-url"],
        ["ad-stream", "validate", str(out)],
        ["ad-stream", "submit", str(out), "--job", "old job"],
    ]
    checked = CliRunner().invoke(app, typed[2][1:])
    assert (checked.exit_code, "warning" in checked.stderr) == (0, False), checked.stderr


def test_without_a_file_the_commands_say_where_the_configuration_goes(tmp_path: Path) -> None:
    source = tmp_path / "job.py"
    source.write_text(KAFKA)
    answer = CliRunner().invoke(app, ["migrate", str(source), "--databricks", "--compute", "serverless"])
    assert answer.exit_code == 0
    assert "Now type (with the configuration above in job.yaml):" in answer.stderr
    assert answer.stderr.rstrip().endswith("ad-stream submit job.yaml --job job --compute serverless")
    settings.parse(yaml.safe_load(answer.stdout))


def test_a_secret_is_put_in_once_though_two_settings_read_it() -> None:
    secret = "{{secrets/s/k}}"
    lines = commands({"a": secret, "b": [secret]}, file="f.yaml", job="j", compute="auto")
    assert lines[0] == "databricks secrets put-secret s k" and len(lines) == 3
