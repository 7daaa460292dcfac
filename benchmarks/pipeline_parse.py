"""Parse + duplicates out + quarantine + minutes, as the stream runs them, against a bare `from_json` of the same files.

    python benchmarks/pipeline_parse.py [EVENTS] [REPEATS] [nested]

With `nested` the same two numbers lie two objects deep, read by `auto` and by declared paths, against a from_json of that shape.
Every mode reads the same JSON lines through the files source, available_now, in a process of its own, and ends in
the noop sink. `net` subtracts the same run over one event per file (JVM start, planning, empty batches).
"""

from __future__ import annotations

import base64
import json
import shutil
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import measure

DEVICES, PER_MINUTE, FILES, FILES_PER_TRIGGER = 5_000, 4, 8, 2
BODY = "messageId long, deviceId string, temperature double, humidity double, time timestamp"
NESTED_BODY = (
    "messageId long, deviceId string, data struct<air struct<temperature double, humidity double>>, time timestamp"
)
SIGNALS = {False: ["temperature", "humidity"], True: ["data.air.temperature", "data.air.humidity"]}
SIZES = ("full", "empty")
MODES = {
    "source": "read the files only",
    "from_json": "(a) from_json of the body",
    "declared": "(b) all of it, signals declared",
    "auto": "(c) all of it, signals: auto",
}


def parent() -> None:
    """Write the input, run all modes in turn, print the table."""
    nested = "nested" in sys.argv
    numbers = [int(word.replace("_", "")) for word in sys.argv[1:] if word != "nested"]
    events, repeats = (numbers + [1_000_000, 3][len(numbers) :])[:2]
    work = Path(tempfile.mkdtemp(prefix="ad-stream-bench-"))
    try:
        for size, count in zip(SIZES, (events, FILES), strict=True):
            write(work / size, count, nested=nested)
        tasks = {
            size: {
                mode: {"mode": mode, "input": str(work / size), "work": str(work), "nested": nested} for mode in MODES
            }
            for size in SIZES
        }
        full = measure.interleaved(tasks["full"], __file__, repeats)
        print_table(full, measure.interleaved(tasks["empty"], __file__, 1), events, repeats)
    finally:
        shutil.rmtree(work)


def print_table(
    full: dict[str, dict[str, float]], empty: dict[str, dict[str, float]], events: int, repeats: int
) -> None:
    """Ratios are CPU(a) / CPU(mode), so larger is better."""
    raw = {mode: full[mode]["cpu"] for mode in MODES}
    net = {mode: raw[mode] - empty[mode]["cpu"] for mode in MODES}
    rows = [
        [
            MODES[mode], raw[mode], net[mode], events / net[mode],
            raw["from_json"] / raw[mode], net["from_json"] / net[mode], full[mode]["peak_mb"],
        ]
        for mode in MODES
    ]  # fmt: skip
    print(f"{events} events, {DEVICES} devices, medians of {repeats} runs each, CPU seconds of the whole process tree")
    print(measure.table(["mode", "CPU s raw", "net", "events per CPU s", "ratio raw", "ratio net", "peak MB"], rows))
    print("goals: (b) >= 0.30, (c) >= 0.20 of (a)")


def write(folder: Path, events: int, *, nested: bool = False) -> None:
    """The simulator's payload in the envelope of the files source, in the order of time, FILES files."""
    folder.mkdir()
    start = datetime(2026, 11, 1, tzinfo=timezone.utc)
    step = timedelta(minutes=1) / (DEVICES * PER_MINUTE)
    for file in range(FILES):
        numbers = range(events * file // FILES, events * (file + 1) // FILES)
        (folder / f"messages-{file:03d}.jsonl").write_text("".join(_line(n, start + n * step, nested) for n in numbers))


def _line(n: int, at: datetime, nested: bool) -> str:
    number, device = divmod(n, DEVICES)
    name, time = f"dev-{device:05d}", f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
    body: dict[str, Any] = {
        "messageId": number, "deviceId": name, "temperature": 20 + (n * 7919 % 10_007) / 1_000.7,
        "humidity": 40 + (n * 104_729 % 10_009) / 500.3, "time": time,
    }  # fmt: skip
    if nested:
        body["data"] = {"air": {one: body.pop(one) for one in SIGNALS[False]}}
    system = {
        "iothub-connection-device-id": name, "message-id": f"{name}-{number}", "iothub-message-source": "Telemetry",
        "iothub-enqueuedtime": time,
    }  # fmt: skip
    line = {
        "body": base64.b64encode(json.dumps(body).encode()).decode(), "enqueuedTime": time, "partition": str(device % 4),
        "sequence": number * DEVICES // 4 + device // 4, "properties": {}, "systemProperties": system,
    }  # fmt: skip
    return json.dumps(line) + "\n"


def child(task: dict[str, Any]) -> dict[str, Any]:
    """One mode over one folder; -> rows of its input and output."""
    from pyspark.sql import functions as F

    from ad_stream.config import parse
    from ad_stream.pipeline.operation.session import session
    from ad_stream.pipeline.steps.telemetry import readings
    from ad_stream.pipeline.steps.windows import minutes
    from ad_stream.sources import registry

    nested = task["nested"]
    signals = SIGNALS[nested] if task["mode"] == "declared" else "auto"
    work = tempfile.mkdtemp(dir=task["work"])
    config = parse({
        "source": {"kind": "files", "path": task["input"], "files_per_trigger": FILES_PER_TRIGGER},
        "telemetry": {"signals": signals, "event_time": "time"}, "tables": {"path": work}, "trigger": "available_now",
    })  # fmt: skip
    spark = session()
    events = registry.read(spark, config.source, None)
    if task["mode"] == "from_json":
        events = events.select(F.from_json(F.col("body").cast("string"), NESTED_BODY if nested else BODY).alias("one"))
    elif task["mode"] != "source":
        events = minutes(readings(events, config), config)
    writer = events.writeStream.format("noop").option("checkpointLocation", f"{work}/checkpoint").outputMode("append")
    query = writer.trigger(availableNow=True).start()
    query.awaitTermination()
    reports = [json.loads(json.dumps(report)) for report in query.recentProgress]
    return {"rows": sum(report["numInputRows"] for report in reports), "batches": len(reports)}


if __name__ == "__main__":
    measure.main(__file__, parent, child)
