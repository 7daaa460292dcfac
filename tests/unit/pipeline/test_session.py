"""What a local session is started with; the session itself is started by the tests with Spark."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlparse

import pytest

from ad_stream.pipeline.operation.session import JAVA_OPTIONS, LOCAL, LOGGING, _with_logging


def test_the_logging_of_a_local_session_is_a_file_that_comes_with_the_package() -> None:
    assert LOCAL[JAVA_OPTIONS] == LOGGING
    path = Path(urlparse(LOGGING.partition("=")[2]).path)
    assert "rootLogger.level = error" in path.read_text(encoding="utf-8")


def test_java_options_of_a_person_stand_beside_it_unless_they_say_how_to_log(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABRICKS_RUNTIME_VERSION", "SPARK_REMOTE", "SPARK_ENV_LOADED"):
        monkeypatch.delenv(name, raising=False)
    assert _with_logging({"spark.driver.memory": "1g"}) == {"spark.driver.memory": "1g"}
    assert _with_logging({JAVA_OPTIONS: "-Xss4m"}) == {JAVA_OPTIONS: f"-Xss4m {LOGGING}"}
    own = {JAVA_OPTIONS: "-Dlog4j2.configurationFile=file:///mine"}
    assert _with_logging(own) == own


@pytest.mark.parametrize(
    "name",
    ["spark.hadoop.fs.azure.account.key.acme.dfs.core.windows.net", "spark.hadoop.fs.azure.account.oauth2.client.secret.acme",
     "spark.hadoop.fs.s3a.access.key", "eventhubs.connectionString", "kafka.sasl.jaas.config", "spark.acme.password"],
)  # fmt: skip
def test_what_sparks_page_and_event_log_would_show_of_a_setting_is_hidden(name: str) -> None:
    assert re.search(LOCAL["spark.redaction.regex"], name)
    assert not re.search(LOCAL["spark.redaction.regex"], "spark.sql.shuffle.partitions")
