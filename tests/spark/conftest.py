"""One Spark session for all tests of this folder, and the marker `spark` on each of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.spark)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    from ad_stream.pipeline.session import session

    os.environ.setdefault("AD_STREAM_MASTER", "local[2]")
    made = session("files")
    yield made
    made.stop()
