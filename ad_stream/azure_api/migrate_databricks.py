"""`ad-stream migrate FILE --databricks`: the configuration of a job as `ad-stream submit` takes it.

Tables in Unity Catalog, the checkpoint in a volume, secrets as references into a scope, the source by compute, and the
signals that the job's own schema declares. Like `migrate`, the text is searched and never run.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import Any, Literal

from ad_stream.azure_api.migrate import Migration, Note
from ad_stream.errors import InputError
from ad_stream.secrets import SCOPE

Compute = Literal["auto", "classic", "serverless"]
NAME = re.compile(r"[\w-]{1,128}")
VOLUME = "ad_stream"
NUMBERS = r"(?:Double|Float|Integer|Long|Short|Byte|Decimal|Int|BigInt)(?:Type)?"
FIELDS = (
    rf"(?:StructField|\.add)\(\s*[\"']([^\"']+)[\"']\s*,\s*[\"']?(?:\w+\.)*({NUMBERS})\b",
    rf"(?<![\w.])`?([A-Za-z_][\w-]*)`?\s*:?\s+({NUMBERS})\b(?=\s*(?:\([\d, ]+\)\s*)?(?:,|[\"']|COMMENT|NOT NULL|$))",
)
"""A field with a number's type: as StructType, in Python and Scala, and as a DDL text such as 'temperature DOUBLE'."""
DDL = re.compile(
    r"[\"']{1,3}([^\"']*\b[A-Za-z_]\w*`?\s*:?\s+(?:DOUBLE|FLOAT|STRING|INT|BIGINT|LONG|TIMESTAMP)\b[^\"']*)[\"']",
    re.IGNORECASE,
)
SECRET = re.compile(
    r"secrets\.get\(\s*(?:scope\s*=\s*)?[\"']([\w.@-]+)[\"']\s*,\s*(?:key\s*=\s*)?[\"']([\w.@-]+)[\"']"
    rf"|{SCOPE.pattern}"
)
NO_SIGNALS = ("epoch", "timestamp", "ts", "time", "offset", "partition", "batch", "id")
"""Numbers of a schema that are no measurement, by the last word of their name."""


@dataclass(frozen=True, kw_only=True)
class JobPlace:
    """Where the job is to run. scope: None takes the one that the file reads its own secrets from, else `ad-stream`."""

    catalog: str
    schema: str
    scope: str | None = None
    compute: Compute = "auto"

    def __post_init__(self) -> None:
        for option, name in (("catalog", self.catalog), ("schema", self.schema), ("scope", self.scope or "x")):
            if NAME.fullmatch(name) is None:
                raise InputError(f"--{option} {name!r} is no name: give letters, digits, _ and -")


def to_databricks(found: Migration, text: str, where: JobPlace) -> Migration:
    """What `migrate` found in `text`, with what only this machine has exchanged for what the workspace has."""
    scope, key = _secret(text, where)
    secret = f"{{{{secrets/{scope}/{key}}}}}"
    config = dict(found.config)
    config["source"] = source = _source(config["source"], where, secret)
    signals = signals_of(text)
    notes = [*found.notes, *_notes(source, signals, where)]
    if signals:
        config["telemetry"] = {"event_time": "enqueued", **config.get("telemetry", {}), "signals": signals}
    config["tables"] = {"catalog": where.catalog, "schema": where.schema}
    config["checkpoint"] = f"{_volume(where)}/checkpoint/{source['kind']}"
    if where.compute == "serverless":
        config["trigger"] = "available_now"
    if "push" in config:
        config["push"] = [{**one, "url": f"{{{{secrets/{scope}/power-bi-url}}}}"} for one in config["push"]]
    order = ("source", "telemetry", *(name for name in config if name not in ("source", "telemetry")))
    return replace(found, config={name: config[name] for name in order if name in config}, notes=tuple(notes))


def commands(config: dict[str, Any], *, file: str, job: str, compute: Compute) -> list[str]:
    """The three steps to type, the first with a line per secret."""
    secrets = dict.fromkeys(SCOPE.findall(repr(config)))
    submit = ["ad-stream", "submit", file, "--job", job]
    return [
        *(shlex.join(["databricks", "secrets", "put-secret", *secret]) for secret in secrets),
        shlex.join(["ad-stream", "validate", file]),
        shlex.join([*submit, *(["--compute", compute] if compute != "auto" else [])]),
    ]


def signals_of(text: str) -> list[str]:
    """The members with a number that schemas in the text declare, in their order; none where it declares none."""
    ddl = " , ".join(match[1] for match in DDL.finditer(text))
    names = [match[1] for match in re.finditer(FIELDS[0], text, re.IGNORECASE)]
    names += [match[1] for match in re.finditer(FIELDS[1], ddl, re.IGNORECASE)]
    return [name for name in dict.fromkeys(names) if _last_word(name) not in NO_SIGNALS]


def _last_word(name: str) -> str:
    words: list[str] = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", name) or [name]
    return words[-1].lower()


def _secret(text: str, where: JobPlace) -> tuple[str, str]:
    """Scope and key of the hub's connection string: the file's own where it reads one from a scope."""
    known = [(one[1] or one[3], one[2] or one[4]) for one in SECRET.finditer(text)]
    hub = next((one for one in known if re.search(r"(?i)hub|conn|eh|kafka", one[1])), None)
    if hub is not None and where.scope in (None, hub[0]):
        return hub
    scope = where.scope or (known[0][0] if known else "ad-stream")
    return scope, "eventhub-connection-string"


def _source(source: dict[str, Any], where: JobPlace, secret: str) -> dict[str, Any]:
    """The job's own source; on serverless, which takes no jars, a hub is read through its Kafka endpoint."""
    if source["kind"] == "files":
        return {"kind": "files", "path": f"{_volume(where)}/in/*.jsonl"}
    if source["kind"] == "event_hubs" and where.compute != "serverless":
        return {"kind": "event_hubs", "connection_string": secret}
    return {"kind": "kafka", **{key: source[key] for key in ("topic",) if key in source}, "connection_string": secret}


def _notes(source: dict[str, Any], signals: list[str], where: JobPlace) -> list[Note]:
    kind = source["kind"]
    told = [
        f"writes to {where.catalog}.{where.schema} and keeps its checkpoint in {_volume(where)}: the schema and the volume "
        "have to be there, `databricks bundle deploy` or CREATE SCHEMA and CREATE VOLUME make them"
    ]
    if kind == "event_hubs":
        told.append(
            "reads with the Event Hubs connector, a jar for 16.4 LTS on a classic cluster, which `submit` chooses: "
            "--compute serverless reads the hub's Kafka endpoint instead"
        )
    elif kind == "kafka" and "topic" not in source:
        told.append("reads the hub's Kafka endpoint: the connection string has to name the hub (EntityPath)")
    elif kind == "files":
        told.append(f"reads no stream that is known here: put JSON lines into {source['path']}, or name its source")
    if not signals:
        told.append("declares no schema with numbers: every numeric member becomes a signal (telemetry.signals: auto)")
    return [Note(0, text) for text in told]


def _volume(where: JobPlace) -> str:
    return f"/Volumes/{where.catalog}/{where.schema}/{VOLUME}"
