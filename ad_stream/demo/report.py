"""The demo's report: the numbers, each fault with its picture, each false alarm with its picture."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ad_stream.demo.compare import FaultOutcome, by_series, definition, keys_of
from ad_stream.demo.summary import by_kind, facts
from ad_stream.incidents.alarms import Alarm, with_slow_flags
from ad_stream.own_data.verdicts import means
from ad_stream.report import Page, PageSection, PageTable, Picture, draw, write

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.demo.compare import SeriesKey
    from ad_stream.demo.simulated import Result

LEAD, TAIL, MOST = 90, 45, 360
"""Windows before and after what a picture is about, and the most that it shows of it."""
MOST_ALARMS = 100
"""Pictures of false alarms on one page; the table lists all."""


def report(result: Result) -> None:
    """Write the page to `result.report`."""
    series = by_series(with_slow_flags(result.detections))
    outcomes, alarms = list(result.comparison.outcomes), list(result.comparison.alarms)
    every = result.comparison.grid.every
    write(
        Page(
            title="ad_stream demo: a simulated day",
            note=f"{definition(result.comparison.grid)} Seed {result.truth.seed}; all times are UTC; tables in {result.streamed.tables}.",
            facts=facts(result),
            tables=[_kinds(outcomes), _faults(outcomes), _alarms(alarms)],
            sections=[
                PageSection(
                    "Faults",
                    "Value, expected band and flags around each injected fault; the fault's time is shaded.",
                    [_of_fault(n, one, series, every) for n, one in enumerate(outcomes) if keys_of(one.fault, series)],
                ),
                PageSection(
                    "False alarms",
                    f"What was flagged without a fault{_first_of(alarms)}.",
                    [_of_alarm(n, alarm, series, every) for n, alarm in enumerate(alarms[:MOST_ALARMS])],
                ),
            ],
        ),
        result.report,
    )


def _kinds(outcomes: list[FaultOutcome]) -> PageTable:
    rows = [(kind, str(n), str(found), str(n - found), delay) for kind, n, found, delay in by_kind(outcomes)]
    return PageTable("By kind", ("kind", "injected", "found", "missed", "median delay"), rows)


def _faults(outcomes: list[FaultOutcome]) -> PageTable:
    order = sorted(range(len(outcomes)), key=lambda n: (outcomes[n].found, outcomes[n].fault.start))
    return PageTable(
        title="Faults, the missed ones first",
        header=("fault", "outcome", "device", "signal", "start", "sigma", "why"),
        rows=[_fault_row(outcomes[n]) for n in order],
        links=[f"fault-{n}" for n in order],
        marks=["found" if outcomes[n].found else "missed" for n in order],
    )


def _fault_row(one: FaultOutcome) -> tuple[str, ...]:
    fault = one.fault
    size = f"{fault.sigma:.1f}" if fault.sigma else "-"
    start = f"{fault.start:%Y-%m-%d %H:%M}"
    return fault.kind.replace("_", " "), _verdict(one), fault.device_id, fault.signal, start, size, one.note


def _alarms(alarms: list[Alarm]) -> PageTable:
    return PageTable(
        title="False alarms",
        header=("device", "signal", "first minute", "flagged minutes", "why"),
        rows=[
            (one.device_id, one.signal, f"{one.first:%Y-%m-%d %H:%M}", str(one.flagged), means(one.reason))
            for one in alarms
        ],
        links=[f"alarm-{n}" if n < MOST_ALARMS else "" for n in range(len(alarms))],
    )


def _of_fault(number: int, one: FaultOutcome, series: dict[SeriesKey, pd.DataFrame], every: timedelta) -> Picture:
    fault = one.fault
    device, signal = keys_of(fault, series)[0]
    size = f", {fault.sigma:.1f} sigma {fault.direction}" if fault.sigma else ""
    return draw(
        series[device, signal],
        id=f"fault-{number}",
        title=f"{fault.kind.replace('_', ' ')} · {device} · {signal}",
        caption=f"{fault.start:%Y-%m-%d %H:%M}{size}: {_verdict(one)}; {one.note}",
        first=fault.start - LEAD * every,
        last=min(fault.end + TAIL * every, fault.start + MOST * every),
        span=(fault.start, min(fault.end, fault.start + MOST * every)),
        kind="found" if one.found else "missed",
    )


def _of_alarm(number: int, alarm: Alarm, series: dict[SeriesKey, pd.DataFrame], every: timedelta) -> Picture:
    return draw(
        series[alarm.device_id, alarm.signal],
        id=f"alarm-{number}",
        title=f"false alarm · {alarm.device_id} · {alarm.signal}",
        caption=f"{alarm.first:%Y-%m-%d %H:%M}, {alarm.flagged} flagged; {means(alarm.reason)}",
        first=alarm.first - LEAD * every,
        last=min(alarm.last + TAIL * every, alarm.first + MOST * every),
        span=(alarm.first, alarm.last),
    )


def _verdict(one: FaultOutcome) -> str:
    if not one.found:
        return "missed"
    return "found at once" if one.delay_minutes == 0 else f"found after {one.delay_minutes} min"


def _first_of(alarms: list[Alarm]) -> str:
    return f"; the first {MOST_ALARMS} of {len(alarms)}" if len(alarms) > MOST_ALARMS else ""
