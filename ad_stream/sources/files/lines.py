"""The three kinds of lines that files hold, each as events; and which kind a folder has."""

from __future__ import annotations

import glob
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pyspark.sql import functions as F

from ad_stream.sources.contract import quoted, timestamp
from ad_stream.sources.instants import instant

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Kind = Literal["envelope", "routed", "bodies"]
CORRUPT = "_corrupt_record"
ENVELOPE = (
    "body string, enqueuedTime string, partition string, sequence long, "
    f"systemProperties map<string,string>, {CORRUPT} string"
)
ROUTED = (
    "EnqueuedTimeUtc string, Properties map<string,string>, SystemProperties map<string,string>, Body string, "
    f"{CORRUPT} string"
)
LONGEST_LINE = 1_000_000
# Without a backslash: in a SQL literal it would be gone before the pattern is read.
ENQUEUED_IN_LINE = '"enqueuedTime" *: *"([^"]+)"'


def kind_in(path: str, spark: SparkSession | None = None) -> Kind:
    """Told by the first line that is a JSON object; envelope where there is none to be seen.

    spark: asked where the files are not on this machine.
    """
    line = _first_line(path)
    if line is None and spark is not None and "://" in path:
        try:
            rows = spark.read.option("recursiveFileLookup", "true").text(path).limit(1).collect()
        except Exception:  # nothing is there yet; each storage says so in its own words
            rows = []
        line = rows[0][0] if rows else None
    try:
        found = json.loads(line or "")
    except ValueError:
        return "envelope"
    if not isinstance(found, dict) or {"body", "systemProperties"} & found.keys():
        return "envelope"
    return "routed" if {"Body", "SystemProperties"} <= found.keys() or "EnqueuedTimeUtc" in found else "bodies"


def _first_line(path: str) -> str | None:
    for found in sorted(glob.glob(path)):  # noqa: PTH207 (may be absolute)
        files = (
            [Path(found)] if Path(found).is_file() else sorted(one for one in Path(found).rglob("*") if one.is_file())
        )
        for file in files:
            if file.name.startswith((".", "_")):
                continue
            try:
                with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as handle:
                    line = next(
                        (line for line in (handle.readline(LONGEST_LINE) for _ in range(20)) if line.strip()), None
                    )
            except OSError:
                continue
            if line is not None:
                return line.decode("utf-8-sig", errors="replace")
    return None


def envelopes(lines: DataFrame, name: str) -> DataFrame:
    """Envelope lines -> events; `name` fills the column source."""
    system = F.col("systemProperties")
    broken = F.col(CORRUPT)
    # A torn line has no time of its own. Its text may still tell it; else it has none, as an event whose time is not
    # believed, and cannot move the watermark.
    torn_time = F.expr(f"try_cast(regexp_extract({CORRUPT}, '{ENQUEUED_IN_LINE}', 1) as timestamp)")
    enqueued = F.coalesce(
        F.expr(timestamp("systemProperties['iothub-enqueuedtime']")),
        F.expr(timestamp("enqueuedTime")),
        torn_time,
    )
    return lines.select(
        F.coalesce(F.expr("try_to_binary(body, 'base64')"), F.col("body").cast("binary"), broken.cast("binary")).alias(
            "body"
        ),
        enqueued.alias("enqueued_time"),
        system["iothub-connection-device-id"].alias("device_id"),
        system["message-id"].alias("message_id"),
        system["iothub-message-source"].alias("message_source"),
        F.lit(name).alias("source"),
        F.coalesce(F.col("partition"), F.lit("")).alias("partition"),
        # Lines without a number are told apart by what they hold: one number for all would make them duplicates.
        F.coalesce(
            F.col("sequence"), F.xxhash64(broken, "body", "enqueuedTime", system["iothub-connection-device-id"])
        ).alias("sequence"),
    )


def routed(lines: DataFrame, name: str) -> DataFrame:
    """Lines of IoT Hub's message routing -> events; a body in JSON stands there as it is, any other in base64."""
    system = F.col("SystemProperties")
    by_hub, by_routing = timestamp("SystemProperties['enqueuedTime']"), timestamp("EnqueuedTimeUtc")
    return lines.select(
        F.coalesce(
            F.expr("try_to_binary(Body, 'base64')"), F.col("Body").cast("binary"), F.col(CORRUPT).cast("binary")
        ).alias("body"),
        F.expr(f"coalesce({by_hub}, {by_routing})").alias("enqueued_time"),
        system["connectionDeviceId"].alias("device_id"),
        system["messageId"].alias("message_id"),
        F.coalesce(system["iothub-message-source"], system["messageSource"]).alias("message_source"),
        F.lit(name).alias("source"),
        F.lit("").alias("partition"),
        F.xxhash64(CORRUPT, "Body", "EnqueuedTimeUtc", system["connectionDeviceId"], system["messageId"]).alias(
            "sequence"
        ),
    )


def bodies(lines: DataFrame, name: str, time: Sequence[str]) -> DataFrame:
    """Lines that are bodies (value, file_time) -> events; each came at the time that it tells, else when its file was written.

    An end of input is an envelope, as the simulator writes it.
    """
    tells = [f"get_json_object(value, {quoted('$[' + _in_quotes(member) + ']')})" for member in time]
    times = ", ".join(instant(text) for text in tells)
    source = "get_json_object(value, '$.systemProperties.iothub-message-source')"
    return lines.where("trim(value) <> ''").selectExpr(
        "cast(value as binary) as body",
        f"coalesce({times}, file_time) as enqueued_time",
        "cast(null as string) as device_id",
        "cast(null as string) as message_id",
        f"if(instr(value, 'systemProperties') > 0, {source}, null) as message_source",
        f"{quoted(name)} as source",
        "'' as partition",
        "xxhash64(value, file_name) as sequence",
    )


def _in_quotes(member: str) -> str:
    return "'" + member.replace("'", "") + "'"
