"""Literal secrets in a configuration: none is printed, each is named, and what is none stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ad_stream.config import load, parse
from ad_stream.config.masking import masked
from tests.unit.test_cli import ad_stream

CONF = Path(__file__).resolve().parents[2] / "conf"
P = "Pl4nted"
TOKEN = f"{P}0123456789abcdefghijklmnopqrstuv"
JAAS = f'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="{P}; x";'
PLANTED: dict[str, Any] = {
    "source": {
        "kind": "kafka", "bootstrap_servers": "localhost:9092", "topic": "t",
        "options": {
            "kafka.sasl.jaas.config": JAAS, "kafka.ssl.keystore.password": f"{P}1", "kafka.ssl.key.password": f"{P}2",
            "kafka.sasl.oauthbearer.token.endpoint.url": f"https://login.example/t?client_assertion={TOKEN}",
            "kafka.client.id": f"AccountEndpoint=https://x;AccountKey={P}==;", "kafka.group.id": "readers",
        },
    },
    "tables": {"path": f"abfss://box@account.dfs.core.windows.net/t?sv=1&sig={P}"},
    "push": [
        {"kind": "webhook", "url": f"https://hooks.example/{P}", "format": "json", "proxy": f"http://user:{P}@proxy:3128"},
        {"kind": "kafka", "topic": "out", "bootstrap_servers": "b:9092", "options": {"sasl.password": P, "sasl.username": "u"}},
    ],
    "fallback": {"endpoint": f"https://user:{P}@detector.example", "key": f"{P}3"},
    "checkpoint": f"https://blob.example/c?sv=1&sig={P}",
    "spark": {
        "spark.hadoop.fs.azure.account.key.x.dfs.core.windows.net": P, "spark.ssl.keyPassword": P,
        "spark.hadoop.fs.azure.sas.fixed.token": P, "spark.hadoop.fs.s3a.secret.key": P,
        "spark.executorEnv.SOMETHING": f"Bearer {P}abcdefgh", "spark.app.name": "ours", "spark.x": TOKEN,
        "spark.executor.extraJavaOptions": f"-Dpassword={P} -Dx=1",
    },
}  # fmt: skip


def planted(value: Any, key: str = "") -> set[str]:
    if isinstance(value, dict):
        return {one for name, member in value.items() for one in planted(member, f"{key}.{name}" if key else name)}
    if isinstance(value, list):
        return {one for number, member in enumerate(value) for one in planted(member, f"{key}.{number}")}
    return {key} if P in str(value) else set()


def test_every_planted_literal_is_masked_and_named() -> None:
    found = masked(parse(PLANTED).model_dump(mode="json", by_alias=True))
    assert P not in json.dumps(found.settings)
    assert set(found.literals) == planted(PLANTED)
    assert len(found.literals) == 19


def test_what_is_no_secret_stays() -> None:
    found = masked(PLANTED).settings
    assert found["source"]["options"]["kafka.group.id"] == "readers"
    assert found["push"][1]["options"]["sasl.username"] == "u"
    assert found["spark"]["spark.app.name"] == "ours"
    assert found["tables"]["path"].startswith("abfss://box@account.dfs.core.windows.net/t?")
    plain = {
        "source": {"service_credential": "hub-reader", "topic": "factory-7-line-12-temperature-and-pressure-2026"},
        "tables": {"path": "abfss://lake@account.dfs.core.windows.net/ad_stream/tables"},
        "checkpoint": "/Volumes/main/iot/volume/checkpoint/0123456789abcdef0123456789abcdef",
        "tenant_id": "72f988bf-86f1-41af-91ab-2d7cd011db47",
        "spark": {"spark.hadoop.fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.Provider", "n": 4, "b": True,
                  "kafka.key.deserializer": "org.apache.kafka.common.serialization.ByteArrayDeserializer"},
        "fallback": {"key": "${env:AD_API_KEY}", "endpoint": "http://127.0.0.1:5000"},
        "push": [{"url": "{{secrets/iot/url}}", "password": "${env:P}"}],
    }  # fmt: skip
    assert masked(plain).settings == plain
    assert masked(plain).literals == ()


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_configurations_hold_no_literal(path: Path) -> None:
    settings = load(path).model_dump(mode="json", by_alias=True)
    assert masked(settings).settings == settings


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_validate_prints_none_of_them_and_warns_of_each(tmp_path: Path, options: tuple[str, ...]) -> None:
    content = {**PLANTED, "push": PLANTED["push"][:0]}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(content))
    answer = ad_stream("validate", str(tmp_path / "c.yaml"), *options)
    assert answer.returncode == 0, answer.stderr
    assert P not in answer.stdout + answer.stderr
    assert answer.stderr.startswith("ad-stream: warning: source.options.kafka.")
    assert all(key in answer.stderr for key in planted(content))
    assert "write ${env:NAME}" in answer.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        f"fallback.endpoint=[{TOKEN}]",
        f"metrics.port=Bearer {P}abcdefgh",
        f"push=[{{url: 'https://x?key={P}'",
        f"spark.password=[{P}]",
        f"push.url https://x?key={P}",
    ],
)
def test_a_refusal_shows_no_literal(wrong: str) -> None:
    answer = ad_stream("validate", str(CONF / "local.yaml"), "--set", wrong)
    assert answer.returncode == 2
    assert P not in answer.stderr
