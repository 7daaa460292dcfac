"""What each source costs, and how long an event takes to become a row.

    python benchmarks/sources.py [throughput | latency] [kafka event_hubs]      default: both, all sources

throughput: the same messages through files, Kafka and the Event Hubs stand-in, each to its end in a process of its own;
events per CPU second of that process tree (the broker is not in it), as a ratio to files.
latency: 1,000 devices send one message a minute, evenly spread; from the sending of an event to the commit of its row
in `detections`, beside the floor: the rest of its minute, and the watermark.
"""

from __future__ import annotations

import _thread
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import quantiles
from typing import Any

import measure

SOURCES = ("files", "kafka", "event_hubs")
DEVICES, MINUTES, PER_MINUTE, REPEATS = 500, 60, 3, 3
LIVE_DEVICES, LIVE_MINUTES, WARM_UP = 1000, 8, 3
WATERMARK, TRIGGER = timedelta(minutes=1), timedelta(seconds=10)
MINUTE = timedelta(minutes=1)
Body = Callable[[dict[str, Any], Callable[[Iterable[Any]], object]], None]


def parent() -> None:
    """What the arguments name."""
    words = sys.argv[1:]
    chosen = [one for one in SOURCES if one in words] or list(SOURCES)
    if "latency" not in words:
        throughput(chosen)
    if "throughput" not in words:
        for kind in [one for one in chosen if one != "files"]:
            latency(kind)


def throughput(chosen: list[str]) -> None:
    """Each source in turn, so that other load on the machine hits all alike."""
    from ad_stream.simulate import simulate
    from ad_stream.simulate.send import events, message_files

    with tempfile.TemporaryDirectory(prefix="ad-stream-bench-") as folder:
        messages = Path(folder, "in")
        simulate(
            messages, devices=DEVICES, minutes=MINUTES, messages_per_minute=PER_MINUTE, seed=1, minutes_per_file=10
        )
        runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in chosen}

        def measured(kind: str, sections: dict[str, Any], send: Callable[[Iterable[Any]], object]) -> None:
            send(events(message_files(messages)))
            runs[kind].append(measure.child(__file__, {"sections": sections, "finite": True}))

        for turn in range(REPEATS):
            for kind in chosen:
                held(kind, messages, lambda sections, send, kind=kind: measured(kind, sections, send))  # type: ignore[misc]
                print(
                    f"  {turn + 1}/{REPEATS} {kind}: {runs[kind][-1]['run_cpu']:.1f} s CPU", file=sys.stderr, flush=True
                )
    rate = {kind: sorted(one["events"] / one["run_cpu"] for one in found)[REPEATS // 2] for kind, found in runs.items()}
    wall = {kind: sorted(one["run_wall"] for one in found)[REPEATS // 2] for kind, found in runs.items()}
    rows = [[kind, runs[kind][0]["events"], rate[kind], rate[kind] / rate[chosen[0]], wall[kind]] for kind in chosen]
    print(f"medians of {REPEATS} runs in turn; start-up of Spark not counted")
    print(measure.table(["source", "events", "events a CPU s", f"of {chosen[0]}", "wall s"], rows))


def latency(kind: str) -> None:
    """One live run."""
    with tempfile.TemporaryDirectory(prefix="ad-stream-bench-") as folder:
        tables = Path(folder, "tables")

        def measured(sections: dict[str, Any], send: Callable[[Iterable[Any]], object]) -> None:
            sender = threading.Thread(target=send, args=(live(time.time, time.sleep),))
            sender.start()
            measure.child(__file__, {"sections": sections, "finite": False, "tables": str(tables)})
            sender.join()

        held(kind, Path(folder), measured)
        found = delays(tables)
    floor, whole = [one[0] for one in found], [one[1] for one in found]
    above = [total - least for least, total in found]
    print(
        f"{kind}: {len(found):,} events of {LIVE_DEVICES:,} devices, trigger {TRIGGER.seconds} s, watermark {WATERMARK.seconds} s"
    )
    rows = [
        [name, *percentiles(values)]
        for name, values in (("event to row", whole), ("floor", floor), ("above the floor", above))
    ]
    print(measure.table(["seconds", "p50", "p99"], rows))


def percentiles(values: list[float]) -> tuple[float, float]:
    cuts = quantiles(values, n=100)
    return cuts[49], cuts[98]


def held(kind: str, folder: Path, body: Body) -> None:
    """Call the body with the sections that read a source of this kind, and with what sends to it."""
    from ad_stream.simulate.send import to_kafka

    if kind == "files":
        body({"source": {"kind": kind, "path": f"{folder}/*.jsonl"}}, lambda _: None)
        return
    with tempfile.TemporaryDirectory(prefix="ad-stream-bench-", ignore_cleanup_errors=True) as own:
        if kind == "kafka":
            from ad_stream.simulate.kafka.broker import KafkaBroker

            with KafkaBroker(Path(own)) as broker:
                options = {"kafka.security.protocol": "SASL_PLAINTEXT"}
                source = {
                    "kind": kind,
                    "connection_string": broker.connection_string,
                    "bootstrap_servers": broker.bootstrap_servers,
                }
                body(
                    {"source": {**source, "options": options}},
                    lambda what: to_kafka(what, broker.client(), topic=broker.topic),
                )
        else:
            from ad_stream.simulate.event_hubs.stand_in import EventHubsStandIn

            with EventHubsStandIn(Path(own)) as hub:
                spark = {"spark.driver.extraJavaOptions": hub.java_options()}
                source = {"kind": kind, "connection_string": hub.connection_string}
                body({"source": source, "spark": spark}, lambda what: [hub.publish([event]) for event in what])


def live(clock: Callable[[], float], sleep: Callable[[float], None]) -> Iterator[Any]:
    """One event a minute of each device, each at its own second, stamped as it is sent."""
    from ad_stream.simulate.send import Event

    begin = clock()
    for number in range(LIVE_DEVICES * LIVE_MINUTES):
        sleep(max(0.0, begin + number * 60 / LIVE_DEVICES - clock()))
        device, now = number % LIVE_DEVICES, clock()
        body = json.dumps({"temperature": 20 + device % 7 + (number * 37 % 11) / 10, "sent": now}).encode()
        system = {
            "iothub-connection-device-id": f"device-{device:04d}",
            "message-id": f"m{number}",
            "iothub-message-source": "Telemetry",
        }
        yield Event(device % 4, datetime.fromtimestamp(now, timezone.utc), body, {}, system)


def delays(tables: Path) -> list[tuple[float, float]]:
    """(floor, event to row) in seconds for the events of each minute that began after the warm-up.

    A device sends once a minute, so the value of its minute is the event; its own time is kept as a signal.
    """
    from deltalake import DeltaTable

    committed = commits(tables / "detections")
    rows = DeltaTable(str(tables / "detections")).to_pandas(filters=[("signal", "=", "sent")])
    rows = rows[rows.minute >= rows.minute.min() + WARM_UP * MINUTE]
    ends = [(minute + MINUTE + WATERMARK).timestamp() for minute in rows.minute]
    return [
        (end - sent, committed[batch] - sent) for end, sent, batch in zip(ends, rows.value, rows.batch_id, strict=True)
    ]


def commits(table: Path) -> dict[int, float]:
    """Batch -> when its rows could be read: the time at which its commit file was written, seconds since 1970."""
    found: dict[int, float] = {}
    for path in sorted((table / "_delta_log").glob("*.json")):
        for line in path.read_text().splitlines():
            transaction: Mapping[str, Any] | None = json.loads(line).get("txn")
            if transaction is not None:
                found[int(transaction["version"])] = path.stat().st_mtime
    return found


def child(task: dict[str, Any]) -> dict[str, Any]:
    """Run one stream; a live one ends when it has seen enough minutes."""
    from ad_stream.config import parse
    from ad_stream.pipeline.batch_state import BatchReport
    from ad_stream.pipeline.operation.cpu import process_tree_seconds
    from ad_stream.pipeline.operation.session import session
    from ad_stream.pipeline.run import run

    with tempfile.TemporaryDirectory(prefix="ad-stream-bench-") as folder:
        finite = task["finite"]
        config = parse({
            **task["sections"],
            "telemetry": {"event_time": "time" if finite else "enqueued"},
            "minutes": {"watermark": "2 minutes" if finite else f"{WATERMARK.seconds} seconds"},
            "tables": {"path": task.get("tables") or f"{folder}/tables"}, "checkpoint": f"{folder}/checkpoint",
            "trigger": "available_now" if finite else f"{TRIGGER.seconds} seconds",
        })  # fmt: skip
        spark = session(config.source.kind, config.spark)
        cpu, wall, first = process_tree_seconds() or 0.0, time.monotonic(), []

        def enough(batch: BatchReport) -> None:
            if batch.first is None or batch.last is None:
                return
            first.append(batch.first)
            if not finite and batch.last >= first[0] + (LIVE_MINUTES - 3) * MINUTE:
                _thread.interrupt_main()

        summary = run(config, spark=spark, progress=enough)
        return {
            "events": summary.events, "run_cpu": (process_tree_seconds() or 0.0) - cpu, "run_wall": time.monotonic() - wall,
        }  # fmt: skip


if __name__ == "__main__":
    measure.main(__file__, parent, child)
