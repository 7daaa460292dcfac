"""How the stream itself is doing: its state in a sentence with the way out, and its numbers of the last day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream import times
from ad_stream.dashboard.fleet import silent_devices
from ad_stream.dashboard.formatting import iso
from ad_stream.dashboard.incident_list import open_counts
from ad_stream.grid import DEFAULT
from ad_stream.tables.catalog import BATCHES, PROGRESS
from ad_stream.tables.schema import COUNT

if TYPE_CHECKING:
    from ad_stream.dashboard.watcher import Watch

STALLED_AFTER = timedelta(minutes=10)
MOST_SILENT = 200
QUARANTINE = {
    "empty": "no byte in the body",
    "malformed": "no JSON object, or something behind it",
    "not_utf8": "the body is not UTF-8",
    "too_large": "longer than telemetry.max_body",
    "too_deep": "brackets nested deeper than telemetry.max_depth",
    "too_many_elements": "an array longer than telemetry.max_elements",
    "too_many_members": "more members than telemetry.max_members",
    "name_too_long": "a device or signal with a name longer than telemetry.max_name",
    "bad_name": "a device or signal with the character 0 in its name",
    "bad_enqueued_time": "a hub time that is missing, or further ahead than telemetry.max_ahead",
    "no_device": "neither body nor hub names a device",
    "no_signal": "no numeric member",
    "not_a_number": "a member's text is no finite number",
    "bad_time": "the body's time is no time",
    "future_time": "dated too far ahead of the hub's clock",
    "set_aside": "its batch failed with it and passes without it, see the table set_aside",
}
"""What the reasons of the table `quarantine` mean, in a few words."""


def state(watch: Watch) -> dict[str, Any]:
    """kind: no_tables, no_rows, trouble, stopped, stalled or live; sentence and hint for a person, command to type."""
    with watch.lock:
        newest = watch.fleet.newest
        alive, running = watch.health.alive, watch.health.running(watch.now())
        kind, sentence, hint, command = _situation(watch, newest, alive, running)
        return {
            "kind": kind,
            "sentence": sentence,
            "hint": hint,
            "command": command,
            "version": watch.version,
            "tables": str(watch.tables),
            "loaded": round(watch.loaded, 3),
            "newest": iso(newest, watch.grid),
            "behind_seconds": None if newest < 0 else round(_behind(watch, newest).total_seconds()),
            "every": watch.grid.seconds,
            "look_back": round(watch.look_back.total_seconds()),
            "series": len(watch.fleet),
            "devices": len(watch.fleet.names.devices),
            "signals": sorted(watch.fleet.names.signals),
            "silent": int(silent_devices(watch.fleet).sum()),
            "recent_windows": watch.fleet.width,
            "flags": len(watch.flags.rows),
            "incidents": watch.incident_changes,
            "open_incidents": open_counts(watch.incidents),
        }


def pipeline(watch: Watch) -> dict[str, Any]:
    """The numbers of the last day, the newest batches, the silent devices."""
    with watch.lock:
        health, fleet = watch.health, watch.fleet
        counts, progress = health.total("batches"), health.total("progress")
        deliveries = health.total("deliveries")
        thinned = sum(n for name, n in deliveries.items() if name.endswith(" thinned"))
        silent = np.flatnonzero(silent_devices(fleet))
        minutes = fleet.newest_of_devices()
        silent = silent[np.lexsort((silent, minutes[silent]))]
        return {
            "batches": dict(counts),
            "progress": dict(progress),
            "watermark": times.iso_or_none(health.watermark),
            "waiting": None if health.lag is None else int(health.lag),
            "alive": times.iso_or_none(health.alive),
            "quarantine": [
                {"reason": reason, "count": n, "meaning": QUARANTINE.get(reason, "")}
                for reason, n in health.total("quarantine").most_common()
            ],
            "pushes": {"by_target": dict(sorted(deliveries.items())), "thinned": thinned, "error": _error(watch)},
            "silent": [
                {"device": fleet.names.devices[device], "since": iso(int(minutes[device]), watch.grid)}
                for device in silent[:MOST_SILENT]
            ],
            "silent_total": len(silent),
            "recent": [_batch(row) for row in health.batches()],
        }


def _situation(watch: Watch, newest: int, alive: datetime | None, running: bool) -> tuple[str, str, str, str]:
    run = f"ad-stream run --config {watch.config}"
    if watch.trouble:
        return "trouble", f"Trouble: {watch.trouble}.", "The page tries again by itself; what it shows may be old.", ""
    if not watch.found:
        return (
            "no_tables",
            "There are no tables yet.",
            "Start a stream that writes into this folder, and the page fills by itself. To try it without a stream of "
            "your own, run ad-stream demo and open the dashboard with --tables .ad_stream/demo/tables.",
            run,
        )
    if newest < 0:
        hint = "A window (of a minute, by default) is judged one watermark (two minutes) after its end"
        started = "the first event" if running else "a stream is started"
        first = f"so the first rows come about three minutes after {started}, with longer windows later"
        return "no_rows", "No window has been judged yet.", f"{hint}, {first}.", "" if running else run
    if not running:
        since = f" since {alive:%Y-%m-%d %H:%M} UTC" if alive else ""
        return (
            "stopped",
            f"The stream is stopped{since}.",
            f"Nothing newer than {watch.grid.start(newest):{watch.grid.format()}} UTC will appear until it runs; it goes on "
            "where it stopped.",
            run,
        )
    # A window that is still open has no verdict yet, however long it is.
    if _behind(watch, newest) > STALLED_AFTER + (watch.grid.every if watch.grid.every > DEFAULT else timedelta(0)):
        return (
            "stalled",
            f"The stream runs, but its newest judged window is {_age(_behind(watch, newest))} old.",
            "Either no events arrive or it is catching up: look at events and lag under Pipeline, then at the source.",
            "ad-stream status",
        )
    return "live", "The stream is running.", "", ""


def _behind(watch: Watch, newest: int) -> timedelta:
    """From the end of the newest window to now."""
    return watch.now() - watch.grid.start(newest + 1)


def _batch(row: dict[str, Any]) -> dict[str, Any]:
    names = ("batch_id", *PROGRESS.named(COUNT), *BATCHES.named(COUNT), "duration_ms", "lag")
    return {name: row.get(name) for name in names} | {
        "watermark": times.iso_or_none(row.get("watermark")),
        "at": _time(row["written"]),
    }


def _error(watch: Watch) -> str | None:
    return watch.health.last_error[1] if watch.health.last_error else None


def _time(seconds: float) -> str:
    return times.iso(times.from_seconds(seconds))


def _age(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return (
        f"{minutes} minutes"
        if minutes < 120
        else f"{minutes // 60} hours"
        if minutes < 2880
        else f"{minutes // 1440} days"
    )
