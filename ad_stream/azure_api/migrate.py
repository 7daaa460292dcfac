"""`ad-stream migrate FILE`: what a notebook or script for the retired service becomes here.

The text is searched, never run. Found are the settings it used (they go into a configuration), the calls it made
(each gets its replacement) and habits of the streaming sample that this project does differently. No value that
could be a key or an address is ever printed. docs/migration.md says more on each point.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from ad_stream.azure_api.job_settings import JobSettings, settings_of


@dataclass(frozen=True)
class Note:
    """A place in the file, 0 for the file as a whole, and what differs here and why.

    line: within its cell, where the file is a notebook (cell counts from 1; 0: the file has no cells).
    """

    line: int
    text: str
    cell: int = 0

    @property
    def place(self) -> str:
        """'line 3: ' or 'cell 2, line 3: ', empty for the file as a whole."""
        return "" if not self.line else f"cell {self.cell}, line {self.line}: " if self.cell else f"line {self.line}: "


@dataclass(frozen=True)
class Migration:
    """The configuration that replaces a file, and the notes to it, by line.

    found: whether anything of the service, or of a streaming job, was there at all.
    """

    config: dict[str, Any]
    notes: tuple[Note, ...]
    found: bool = True

    def yaml(self) -> str:
        """The configuration as a file for `ad-stream run`."""
        return yaml.safe_dump(self.config, sort_keys=False)


CALLS = (
    (r"(?i)timeseries/last/detect|(?<!multivariate_)detect_?(univariate_?)?last_?point|\blast_?detect(async)?\b|DetectLastAnomal|detect_last\b",
     "asks for the last point: set the endpoint to `ad-stream serve`, or let the stream score every closed minute"),
    (r"(?i)timeseries/entire/detect|detect_?(univariate_?)?entire_?series|\bentire_?detect(async)?\b|Detect(Simple)?Anomalies|"
     r"DetectAnomalies|series_uv_anomalies_fl",
     "asks for a whole series: set the endpoint to `ad-stream serve`; for stored minutes use `ad-stream backfill`"),
    (r"(?i)timeseries/change_?point/detect|detect_?(univariate_?)?change_?point|\bchange_?point_?detect(async)?\b|series_uv_change_points_fl",
     "asks for change points: `ad-stream serve` answers, by a published method of its own"),
    (r"(?i)multivariate/|MultivariateAnomal|(train|fit|detect|list|delete|get|export|create)_?(simple_?)?(last_?)?multivariate|"
     r"multivariate_?(batch|last|model)",
     "uses the multivariate API: set the endpoint to `ad-stream serve --state FOLDER` and train the models there"),
)  # fmt: skip
"""Pattern of a call of the service, in REST and in the clients of all languages and generations, and its replacement."""
UNIVARIATE = 3
"""The first ones of CALLS, which take a sensitivity."""

HABITS = (
    (r"outputMode\(\s*[\"']complete",
     "rewrites all windows in every trigger, so the state grows for ever: here each closed minute is written once"),
    (r"window\([^)]*[\"']\d+ minutes?[\"']\s*,\s*[\"']\d+ minutes?[\"']",
     "uses overlapping windows, which count an event more than once: here minutes do not overlap"),
    (r"\bconcat(_ws)?\(|date_format\(|from_unixtime\(",
     "builds times out of text, in the zone of the session: here minutes are UTC timestamps"),
    (r"(?i)\b(count|len|size)\b[^\n]{0,40}(>=|>)\s*1[12]\b",
     "counts the points of all devices together before it asks: here every series has its own `warming_up`"),
    (r"\.collect\(\)|\.toPandas\(\)",
     "collects the history on the driver in every trigger: here it stays in the tables and only verdicts move"),
    (r"requests\.(post|get)\((?![^\n]*timeout)",
     "calls HTTP without a timeout, so one slow answer stops the query: here every call has one, with bounded retries"),
    (r"except[^\n]*:\s*\n\s*(print|pass)\b",
     "prints a failed call and loses the rows: here every delivery is recorded in the table `deliveries`"),
    (r"(?i)str\(\s*[\w.\[\]\"']*is_?anomaly|[\"']is_?anomaly[\"']\s*\]?\s*[:=]\s*str\(",
     "sends flags as text: here they are booleans"),
    (r"from\s+[\w.]+\s+import\s+\*", "imports everything by star: name what is used"),
    (r"filterwarnings\(\s*[\"']ignore", "switches warnings off: here they are errors in the tests"),
    (r"def\s+\w+\(\s*\w+\s*,\s*(epoch_?id|batch_?id)\s*\)\s*:(?!(?:\n[ \t][^\n]*)*\b\1\b)",
     "ignores the batch's number, so a retried batch is written twice: here it is part of every write"),
)  # fmt: skip
"""Pattern, and what it says of the line it stands in."""

MISSING = (
    (r"readStream", r"withWatermark",
     "has no watermark: late events reopen old windows; here they go to the table `late`"),
    (r"writeStream", r"checkpointLocation",
     "has no checkpoint: a restart begins anew; here `checkpoint` is always set and history comes from the tables"),
    (r"readStream", r"device|deviceId|connection-device-id",
     "merges all devices into one series: here every device and signal is a series of its own"),
)  # fmt: skip
"""Where the first pattern is found and the second is not."""

KEYS = (
    r"(?i)(?:subscription[-_ ]?key|api_?key|AzureKeyCredential|CognitiveServicesCredentials)\W{1,6}[\"']([^\"'$]{12,})[\"']",
    r"(?i)SharedAccessKey=([^;\"'${}]{8,})",
)
PLACEHOLDER = r"(?i)[<>{}\[\]*\s]|your|insert|enter|paste|replace|xxxx|\.\.\.|placeholder|example|dummy|todo|secret|key|change_?me"
KEY_IN_CODE = "holds a key in the code: take it out, renew it, and refer to it as ${env:NAME} or {{secrets/scope/key}}"


def migrate(code: str | Sequence[str]) -> Migration:
    """The code of a script, or of the cells of a notebook -> the configuration and the notes."""
    cells = [code] if isinstance(code, str) else list(code)
    text = "\n".join(cells)
    places = _Places(cells)
    calls = [note for pattern, words in CALLS if (note := _note(pattern, words, text, places)) is not None]
    notes = calls + [note for pattern, words in HABITS if (note := _note(pattern, words, text, places)) is not None]
    notes += [
        Note(0, words)
        for present, absent, words in MISSING
        if re.search(present, text) and not re.search(absent, text, re.IGNORECASE)
    ]
    notes += [places.note(at, KEY_IN_CODE) for at in _keys(text)[:1]]
    found = settings_of(text, asks=any(re.search(pattern, text) for pattern, _ in CALLS[:UNIVARIATE]))
    notes += [Note(0, words) if at is None else places.note(at, words) for at, words in found.remarks]
    is_stream = bool(re.search(r"readStream|writeStream|(?i:eventhubs)|DataStreamReader", text))
    return Migration(
        _config(text, found),
        tuple(sorted(notes, key=lambda note: (note.cell, note.line))),
        found=bool(calls) or is_stream or found.of_the_service,
    )


class _Places:
    """Offsets in the joined text -> cells and lines."""

    def __init__(self, cells: Sequence[str]) -> None:
        self.starts = [0]
        for cell in cells[:-1]:
            self.starts.append(self.starts[-1] + len(cell) + 1)
        self.cells = cells

    def note(self, at: int, words: str) -> Note:
        cell = max(number for number, start in enumerate(self.starts) if start <= at)
        line = self.cells[cell].count("\n", 0, at - self.starts[cell]) + 1
        return Note(line, words, cell + 1 if len(self.cells) > 1 else 0)


def _note(pattern: str, words: str, text: str, places: _Places) -> Note | None:
    """At the first place of the pattern, with the number of further ones."""
    matches = list(re.finditer(pattern, text))
    if not matches:
        return None
    lines = {text.count("\n", 0, match.start()) for match in matches}
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    return places.note(matches[0].start(), words + more)


def _keys(text: str) -> list[int]:
    """Where keys stand in the code; what a reader is to put a key in place of is none."""
    return [
        match.start()
        for pattern in KEYS
        for match in re.finditer(pattern, text)
        if not re.search(PLACEHOLDER, match[1])
    ]


def _config(text: str, found: JobSettings) -> dict[str, Any]:
    config: dict[str, Any] = {
        "source": _source(text, found),
        "telemetry": found.telemetry,
        "minutes": {**found.every, "aggregate": _aggregate(text), "watermark": found.watermark},
        "detection": {"detector": "service", "sensitivity": found.sensitivity},
        "tables": {"path": ".ad_stream/tables"},
        "trigger": found.trigger,
        "checkpoint": ".ad_stream/checkpoint",
    }
    if not found.telemetry:
        del config["telemetry"]
    if found.ratio is not None and 0 < found.ratio <= 0.49:
        config["fallback"] = {"max_anomaly_ratio": found.ratio, "sensitivity": found.sensitivity}
    if re.search(r"powerbi\.com", text):
        config["push"] = [{"kind": "power_bi", "url": "${env:POWER_BI_URL}", "rows": "all"}]
    return config


def _source(text: str, found: JobSettings) -> dict[str, Any]:
    if re.search(r"format\(\s*[\"']kafka", text):
        return {
            "kind": "kafka",
            "topic": found.topic or "telemetry",
            "connection_string": "${env:EVENT_HUB_CONNECTION_STRING}",
            **found.kafka_source,
        }
    if re.search(r"(?i)eventhubs", text):
        return {"kind": "event_hubs", "connection_string": "${env:EVENT_HUB_CONNECTION_STRING}", **found.hub_source}
    return {"kind": "files", "path": ".ad_stream/in/*.jsonl"}


def _aggregate(text: str) -> str:
    """The aggregate of a groupBy in the file; max, as in the sample, where there is none."""
    match = re.search(r"(?i)groupBy\([\s\S]{0,300}?\b(max|min|mean|avg|sum|count)\(", text)
    return {"avg": "mean"}.get(match[1].lower(), match[1].lower()) if match else "max"
