"""The two lines of Spark that ad_stream runs on, and all that differs between them.

Everything else in the package is one code for both. 3.5 is Databricks 15.4 and 16.4 LTS, 4.1 is 18 LTS. 17.3 LTS is 4.0,
between the two; there Databricks brings all jars.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass

from ad_stream.errors import SetupError


@dataclass(frozen=True)
class SparkVersion:
    """spark: major.minor; extra: what pip installs it by; java: major versions it runs on, the best first.

    jars: set of jars -> the Maven coordinates (see ad_stream.runtime.maven) whose closure it is.
    """

    spark: str
    extra: str
    scala: str
    java: tuple[int, ...]
    jars: Mapping[str, str]


# In a JVM of its own, so of whatever Scala.
KAFKA_BROKER = "org.apache.kafka:kafka_2.12:3.9.1"
SPARK_VERSIONS = (
    SparkVersion(
        "3.5", "spark", "2.12", (17, 11, 8),
        {
            "delta": "io.delta:delta-spark_2.12:3.3.3",
            # The newest of the 3.5 line on Maven Central: 3.5.8 and 3.5.9 of Spark were released without it.
            "kafka": "org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.7",
            "event_hubs": "com.microsoft.azure:azure-eventhubs-spark_2.12:2.3.22",
            # 4.1 has it among its own.
            "connect": "org.apache.spark:spark-connect_2.12:3.5.7",
            "kafka_broker": KAFKA_BROKER,
        },
    ),
    SparkVersion(
        "4.1", "spark4", "2.13", (17, 21),
        {
            "delta": "io.delta:delta-spark_4.1_2.13:4.4.0",
            # As above: 4.1.4 of Spark was released without it, and all of 4.1 but its preview without the token provider.
            "kafka": "org.apache.spark:spark-sql-kafka-0-10_2.13:4.1.3"
            ",org.apache.spark:spark-token-provider-kafka-0-10_2.13:4.1.0-preview1",
            "kafka_broker": KAFKA_BROKER,
        },
    ),
)  # fmt: skip
"""The Event Hubs connector exists for Scala 2.12 only: on 4.1 the Kafka endpoint of the same hub is the way in."""


def installed(version: str | None = None) -> SparkVersion:
    """The line of this pyspark version (default: the installed one); SetupError where it is none of ours."""
    try:
        found = version or importlib.metadata.version("pyspark")
    except importlib.metadata.PackageNotFoundError:
        raise SetupError("the package pyspark is missing: pip install 'ad-stream[spark]'") from None
    for line in SPARK_VERSIONS:
        if found.startswith(f"{line.spark}."):
            return line
    ours = " or ".join(f"'ad-stream[{line.extra}]' (Spark {line.spark})" for line in SPARK_VERSIONS)
    raise SetupError(f"pyspark {found} is installed, for which ad_stream knows no jars: pip install {ours}")


def coordinates(name: str) -> str:
    """The Maven coordinates of a set of jars on the first line of Spark that has it."""
    return next(line.jars[name] for line in SPARK_VERSIONS if name in line.jars)


def packages(name: str) -> str:
    """What `spark-submit --packages` takes for a set of jars, for each line that has it."""
    return " or ".join(
        f"{line.jars[name].split(',')[0]} (Spark {line.spark})" for line in SPARK_VERSIONS if name in line.jars
    )
