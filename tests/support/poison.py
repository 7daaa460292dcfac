"""A source of somebody else whose plan fails for one of its messages: in SQL, or because a Python function kills its worker."""

from __future__ import annotations

from pathlib import Path

from tests.support.distribution import install

MODULE = '''
"""Messages as the files source has them, one of which its reader does not survive."""

import os
from typing import Literal

from pyspark.sql import functions as F

from ad_stream.sources.contract import Reader
from ad_stream.sources.files.reader import FilesReader
from ad_stream.sources.files.settings import FilesSource
from ad_stream.sources.registry import SourceKind


class Poisoned(FilesSource):
    kind: Literal["poisoned"]
    way: Literal["sql", "worker", "never"] = "sql"


KIND = SourceKind(Poisoned, "poisoned:PoisonedReader", "messages", places=("path",))


@F.udf("binary")
def drunk(body):
    if b"POISON" in bytes(body):
        os._exit(137)  # what the system does to a process that takes too much memory
    return bytes(body)


class PoisonedReader(Reader[Poisoned]):
    def read(self, spark, settings, start):
        events = FilesReader().read(spark, settings, start)
        if settings.way == "worker":
            return events.withColumn("body", drunk("body"))
        if settings.way == "never":
            return events
        spilt = F.raise_error(F.lit("the glass is broken"))
        return events.withColumn("body", F.when(F.col("body").contains(F.lit(b"POISON")), spilt).otherwise(F.col("body")))
'''


def install_poisoned(site: Path) -> None:
    """As pip would; `kind: poisoned` takes the settings of `files`, and `way`."""
    install(
        site, "poisoned-telemetry", "1.0", modules={"poisoned": MODULE},
        points={"ad_stream.sources": {"poisoned": "poisoned:KIND"}},
    )  # fmt: skip
