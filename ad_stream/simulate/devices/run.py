"""A simulated run of a fleet, written as files that the files source reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ad_stream.errors import InputError
from ad_stream.simulate.devices.bad_traffic import bad_traffic as odd_messages
from ad_stream.simulate.devices.bad_traffic import expected
from ad_stream.simulate.devices.faults import FaultPlan, place
from ad_stream.simulate.devices.fleet import SIGNALS, fleet
from ad_stream.simulate.devices.messages import regular
from ad_stream.simulate.devices.readings import MINUTE_MS, Series
from ad_stream.simulate.devices.truth import Truth
from ad_stream.simulate.envelope import WATERMARK, EnvelopeWriter, Message, heartbeat

DEFAULT_START = datetime(2026, 11, 1, tzinfo=timezone.utc)


def simulate(
    out: Path,
    *,
    devices: int = 50,
    start: datetime = DEFAULT_START,
    minutes: int = 1440,
    messages_per_minute: int = 3,
    seed: int = 0,
    faults: bool | FaultPlan = True,
    bad_traffic: bool = True,
    watermark: timedelta = WATERMARK,
    partitions: int = 4,
    minutes_per_file: int = 60,
    progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], float] = time.time,
    sites: int = 0,
) -> Truth:
    """Write a run into `out` (messages-*.jsonl and _truth.json) and return its truth.

    The same arguments give the same bytes. messages_per_minute 1-57; watermark is the stream's, late messages are
    later than it and the heartbeat at the end lies beyond it. progress gets (minutes done, minutes in all) after each
    file; clock gives the modification times of the files and nothing else. sites: so many, which the names of the devices
    begin with; with faults they get those of whole sites, too (`shared_faults`).
    """
    _check_range("minutes", minutes, 1)
    _check_range("minutes_per_file", minutes_per_file, 1)
    _check_range("messages_per_minute", messages_per_minute, 1, 57)
    _check_range("partitions", partitions, 1, 32)
    start = _whole_minute(start)
    plan = faults if isinstance(faults, FaultPlan) else FaultPlan()
    people = fleet(devices, seed=seed, sites=sites)
    placed = place(plan, people, start=start, minutes=minutes) if faults else ()
    series = Series(people, placed, start, messages_per_minute)
    odd: list[Message] = []
    counts: dict[str, int] = {}
    if bad_traffic:
        odd, counts = odd_messages(series, minutes=minutes, watermark=watermark, partitions=partitions)
    odd.sort(key=lambda message: message.enqueued)
    writer = EnvelopeWriter(out, clock=clock)
    written = cells = 0
    for first in range(0, minutes, minutes_per_file):
        stop = min(first + minutes_per_file, minutes)
        block = series.block(first, stop)
        messages = regular(series, block, first, partitions)
        messages += _until(odd, series.start_ms + stop * MINUTE_MS, everything=stop == minutes)
        messages.sort(key=lambda message: message.enqueued)
        written += len(messages)
        cells += int((~block.silent[:, :, None] & ~block.missing).sum())
        if stop == minutes:
            messages.append(heartbeat(messages[-1].enqueued if messages else series.start_ms, watermark=watermark))
        writer.write(messages)
        if progress is not None:
            progress(stop, minutes)
    truth = Truth(seed, start, minutes, devices, SIGNALS, written, cells, placed, counts, expected(counts), sites)
    truth.write(out)
    return truth


def _until(odd: list[Message], end_ms: int, *, everything: bool) -> list[Message]:
    """Take the odd messages enqueued before the end of the block off the sorted list."""
    count = len(odd) if everything else sum(message.enqueued < end_ms for message in odd)
    taken = odd[:count]
    del odd[:count]
    return taken


def _whole_minute(start: datetime) -> datetime:
    if start.tzinfo is None or start.second or start.microsecond:
        raise InputError(
            f"start {start.isoformat()} is no whole minute with a time zone: give one like 2026-11-01T00:00Z"
        )
    return start.astimezone(timezone.utc)


def _check_range(name: str, value: int, least: int, most: int | None = None) -> None:
    if value < least or (most is not None and value > most):
        raise InputError(f"{name} is {value}: give {least} {'or more' if most is None else f'to {most}'}")
