"""`ad-stream migrate FILE`: what a notebook or script for the retired service becomes here.

The text is searched, never run. Found are the settings it used (they go into a configuration), the calls it made
(each gets its replacement) and habits of the streaming sample that this project does differently. No value that
could be a key or an address is ever printed. docs/migration.md says more on each point.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ad_stream.errors import InputError

LARGEST_FILE = 32 * 1024 * 1024


@dataclass(frozen=True)
class Note:
    """A place in the file, 0 for the file as a whole, and what differs here and why."""

    line: int
    text: str


@dataclass(frozen=True)
class Migration:
    """The configuration that replaces a file, and the notes to it, by line."""

    config: dict[str, Any]
    notes: tuple[Note, ...]

    def yaml(self) -> str:
        """The configuration as a file for `ad-stream run`."""
        return yaml.safe_dump(self.config, sort_keys=False)


CALLS = (
    (r"timeseries/last/detect|detect_(univariate_)?last_point|detectUnivariateLastPoint|DetectLastAnomal",
     "asks for the last point: set the endpoint to `ad-stream serve`, or let the stream score every closed minute"),
    (r"timeseries/entire/detect|detect_(univariate_)?entire_series|detectUnivariateEntire|DetectAnomal",
     "asks for a whole series: set the endpoint to `ad-stream serve`; for stored minutes use `ad-stream backfill`"),
    (r"timeseries/changepoint/detect|detect_univariate_change_point|detect_change_point|detectUnivariateChangePoint",
     "asks for change points: `ad-stream serve` answers, by a published method of its own"),
    (r"multivariate/|MultivariateAnomal|train_multivariate|FitMultivariate",
     "uses the multivariate API, which is not offered: score each signal by itself"),
)  # fmt: skip

HABITS = (
    (r"(?i)(subscription[-_ ]?key|api_?key|AzureKeyCredential)\W{1,6}[\"'][^\"'$]{12,}|SharedAccessKey=[^;\"'${}]{8,}",
     "holds a key in the code: take it out, renew it, and refer to it as ${env:NAME} or {{secrets/scope/key}}"),
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

SETTINGS: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("sensitivity", r"sensitivity\W{1,5}(\d{1,3})\b", int),
    ("ratio", r"max_?anomaly_?ratio\W{1,5}(0?\.\d+)", float),
    ("granularity", r"granularity\W{1,5}(?:\w+\.)?(\w+)", str.lower),
    ("interval", r"custom_?interval\W{1,5}(\d+)", int),
    ("trigger", r"processing_?time\W{1,5}(\d+ ?\w+)", str),
    ("topic", r"[\"']subscribe[\"']\s*,\s*[\"']([\w.-]+)[\"']", str),
)


def read_source(path: Path) -> str:
    """The code in a notebook (.ipynb) or of any other text file; raises InputError."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is larger than {LARGEST_FILE} bytes: name a notebook or a script")
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".ipynb":
            return text
        cells = json.loads(text)["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): name a notebook or a script") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"{path} is no notebook or script in UTF-8: name an .ipynb, .py, .scala or .sql file"
        ) from None
    return "\n".join(code)


def migrate(text: str) -> Migration:
    """The code of a notebook or script -> the configuration and the notes; empty notes mean that nothing was found."""
    notes = [
        Note(text.count("\n", 0, match.start()) + 1, words)
        for pattern, words in (*CALLS, *HABITS)
        if (match := re.search(pattern, text)) is not None
    ]
    notes += [
        Note(0, words)
        for present, absent, words in MISSING
        if re.search(present, text) and not re.search(absent, text, re.IGNORECASE)
    ]
    found = _settings(text)
    granularity = found.get("granularity", "minutely")
    if granularity != "minutely" or found.get("interval", 1) != 1:
        notes.append(
            Note(0, "uses another grid than one minute: the stream scores minutes, `ad-stream serve` any grid")
        )
    return Migration(_config(text, found), tuple(sorted(notes, key=lambda note: note.line)))


def _settings(text: str) -> dict[str, Any]:
    """The values that the code gives to the service's parameters, the last one of each."""
    found = {}
    for name, pattern, convert in SETTINGS:
        matches = re.findall(pattern, text, re.IGNORECASE)
        if matches:
            found[name] = convert(matches[-1])
    return found


def _config(text: str, found: dict[str, Any]) -> dict[str, Any]:
    sensitivity = min(found.get("sensitivity", 95), 99)
    config: dict[str, Any] = {
        "source": _source(text, found),
        "minutes": {"aggregate": _aggregate(text), "watermark": "2 minutes"},
        "detection": {"detector": "service", "sensitivity": sensitivity},
        "tables": {"path": ".ad_stream/tables"},
        "trigger": _trigger(found),
        "checkpoint": ".ad_stream/checkpoint",
    }
    if "ratio" in found and 0 < found["ratio"] <= 0.49:
        config["fallback"] = {"max_anomaly_ratio": found["ratio"], "sensitivity": sensitivity}
    if re.search(r"powerbi\.com", text):
        config["push"] = [{"kind": "power_bi", "url": "${env:POWER_BI_URL}", "rows": "all"}]
    return config


def _source(text: str, found: dict[str, Any]) -> dict[str, Any]:
    if re.search(r"format\(\s*[\"']kafka", text):
        return {
            "kind": "kafka",
            "topic": found.get("topic", "telemetry"),
            "connection_string": "${env:EVENT_HUB_CONNECTION_STRING}",
        }
    if re.search(r"(?i)eventhubs", text):
        return {"kind": "event_hubs", "connection_string": "${env:EVENT_HUB_CONNECTION_STRING}"}
    return {"kind": "files", "path": ".ad_stream/in/*.jsonl"}


def _aggregate(text: str) -> str:
    """The aggregate of a groupBy in the file; max, as in the sample, where there is none."""
    match = re.search(r"groupBy\([\s\S]{0,300}?\b(max|min|mean|avg|sum|count)\(", text)
    return {"avg": "mean"}.get(match[1], match[1]) if match else "max"


def _trigger(found: dict[str, Any]) -> str:
    """A trigger as the configuration writes it; a minute where the file has none that it knows."""
    match = re.fullmatch(r"(\d+) ?(second|minute|hour)s?", found.get("trigger", ""))
    return f"{match[1]} {match[2]}{'' if match[1] == '1' else 's'}" if match else "1 minute"
