"""What the two ways to an event hub share: where to begin, and what must not be shown."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from ad_stream.secrets import Secret
from ad_stream.times import moment

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HIDDEN_OPTIONS = "(?i)url|jaas|connectionstring|password|secret|token"
HIDDEN_TEXT = "(?i)(SharedAccess(Key|Signature)|clientSecret|password)=[^;,)]+"


def starting(configured: str, needed: datetime | None) -> str | datetime:
    """'earliest', 'latest' or a time; what the stored tables still need wins over `source.start`."""
    if needed is not None:
        return needed
    return configured if configured in ("earliest", "latest") else moment(configured)


def revealed(options: Mapping[str, str]) -> dict[str, str]:
    """The options with secret references resolved."""
    return {name: Secret(value).reveal() for name, value in options.items()}


def hide_from_plans(spark: SparkSession) -> None:
    """Keep keys out of the plans that Spark prints."""
    # Serverless compute lets nobody set these, and shows no plans.
    with contextlib.suppress(Exception):
        spark.conf.set("spark.sql.redaction.options.regex", HIDDEN_OPTIONS)
        spark.conf.set("spark.sql.redaction.string.regex", HIDDEN_TEXT)
