"""The fault tests restart streams in this process: one Spark session for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

QUICK = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
"""Runs of half a minute end before the optimising compiler pays."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.spark)


@pytest.fixture(scope="session")
def spark() -> Any:
    from ad_stream.pipeline.session import session

    return session("files", QUICK)
