"""The report of a person's file: what was understood, what was found, the whole of each series, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ad_stream.own_data.next_steps import next_steps
from ad_stream.own_data.steps import step_and_gaps
from ad_stream.own_data.verdicts import OwnVerdicts, means
from ad_stream.report import Fact, Page, PageSection, PageTable, Picture, draw, overview

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.incidents.alarms import Alarm

BEFORE, AFTER = timedelta(minutes=120), timedelta(minutes=40)
MOST_PICTURES, MOST_SERIES, MOST_POINTS = 40, 40, 40_000
"""Alarms and series that are drawn, and points that the whole series together may take."""
NOTE = (
    "Every row was judged from the rows before it, as the stream judges a device; the first ones of a series only warm the"
    " detector up. Times are those of the file. Flagged rows that follow each other closely are one alarm."
)
NOTE_AS_A_WHOLE = (
    "The range was judged as a whole: of each row, those after it count, too. Times are those of the source. Flagged rows that"
    " follow each other closely are one alarm."
)
SERIES = ("series", "step", "gaps", "rows scored", "alarms", "flagged rows")
ALARMS = ("series", "first time", "flagged rows", "score", "why")


def facts(verdicts: OwnVerdicts, more: Sequence[Fact] = ()) -> list[Fact]:
    """The numbers for the printed table and the top of the report."""
    index = verdicts.index
    signals = f"{len(index.signals)} signals" if len(index.signals) > 1 else ""
    return [
        Fact("rows in the file", f"{index.rows:,}"),
        Fact("devices", f"{index.devices:,}", signals),
        Fact("rows scored", f"{verdicts.rows_scored:,}"),
        Fact("alarms", f"{len(verdicts.alarms):,}"),
        Fact("flagged rows", f"{verdicts.flagged:,}"),
        *more,
    ]


def per_series(verdicts: OwnVerdicts) -> list[tuple[str, str, str, str, str, str]]:
    """The columns of SERIES, most alarms first."""
    found = []
    for key, rows in verdicts.by_series().items():
        alarms = [alarm for alarm in verdicts.alarms if (alarm.device_id, alarm.signal) == key]
        scored, flagged = int((rows["status"] == "scored").sum()), int(rows["is_anomaly"].sum())
        words = (*step_and_gaps(verdicts, key[0], rows), f"{scored:,}", f"{len(alarms):,}", f"{flagged:,}")
        found.append((len(alarms), (verdicts.series_name(*key), *words)))
    judged = {device for device, _ in verdicts.by_series()}
    lost = [
        (0, (device, "-", "no cell is a number", "0", "0", "0"))
        for device in verdicts.index.origin
        if device not in judged
    ]
    return [row for _, row in [*sorted(found, key=lambda one: (-one[0], one[1])), *lost]]


def alarm_rows(verdicts: OwnVerdicts) -> list[tuple[str, str, str, str, str]]:
    """The columns of ALARMS, strongest first."""
    return [
        (
            verdicts.series_name(one.device_id, one.signal),
            verdicts.shown(one.device_id, one.first),
            str(one.flagged),
            f"{one.score:.3g}",
            means(one.reason),
        )
        for one in verdicts.alarms
    ]


def page(verdicts: OwnVerdicts, *, command: str, more: Sequence[Fact] = ()) -> Page:
    """The report; command: what made it, for the lines that say what to do next; more: facts of the run."""
    closer = verdicts.alarms[:MOST_PICTURES]
    return Page(
        title=f"ad_stream: {verdicts.name}",
        note=NOTE_AS_A_WHOLE if verdicts.as_a_whole else NOTE,
        facts=facts(verdicts, more),
        tables=[
            PageTable("How the file was understood", ("what", "how"), verdicts.index.understood),
            PageTable("Series", SERIES, per_series(verdicts)),
            PageTable(
                title="Alarms, the strongest first",
                header=ALARMS,
                rows=alarm_rows(verdicts),
                links=[f"alarm-{n}" if n < len(closer) else "" for n in range(len(verdicts.alarms))],
                note="" if verdicts.alarms else "None: no row stood out.",
            ),
            PageTable("What to do next", ("to", "type"), next_steps(verdicts, command)),
        ],
        sections=[_whole(verdicts), *([_closer(verdicts, closer)] if closer else [])],
    )


def _whole(verdicts: OwnVerdicts) -> PageSection:
    series = verdicts.by_series()
    alarms = dict.fromkeys(series, 0)
    for alarm in verdicts.alarms:
        alarms[alarm.device_id, alarm.signal] += 1
    drawn = sorted(series, key=lambda key: (-alarms[key], key))[:MOST_SERIES]
    left = f" The {MOST_SERIES} series with most alarms of {len(series)}." if len(series) > MOST_SERIES else ""
    pictures = [
        _of_series(n, key, series[key], verdicts, alarms[key], MOST_POINTS // len(drawn)) for n, key in enumerate(drawn)
    ]
    return PageSection(
        "The whole series",
        f"Value, expected band and flags from the first row to the last; drag to look closer.{left}",
        pictures,
        wide=True,
    )


def _of_series(
    number: int, key: tuple[str, str], rows: pd.DataFrame, verdicts: OwnVerdicts, alarms: int, most: int
) -> Picture:
    flagged = int(rows["is_anomaly"].sum())
    return overview(
        rows,
        id=f"series-{number}",
        title=verdicts.series_name(*key),
        caption=f"{len(rows):,} rows, {alarms:,} alarms, {flagged:,} flagged rows",
        shown_as=lambda minute: verdicts.shown(key[0], minute),
        most=max(most, 200),
    )


def _closer(verdicts: OwnVerdicts, alarms: list[Alarm]) -> PageSection:
    series = verdicts.by_series()
    return PageSection(
        "Alarms, closer",
        f"The strongest {len(alarms)} of {len(verdicts.alarms)}: value, expected band, flags.",
        [_of_alarm(n, alarm, series[alarm.device_id, alarm.signal], verdicts) for n, alarm in enumerate(alarms)],
    )


def _of_alarm(number: int, alarm: Alarm, rows: pd.DataFrame, verdicts: OwnVerdicts) -> Picture:
    def shown(moment: datetime) -> str:
        return verdicts.shown(alarm.device_id, moment)

    return draw(
        rows,
        id=f"alarm-{number}",
        title=f"{verdicts.series_name(alarm.device_id, alarm.signal)} · {shown(alarm.first)}",
        caption=f"{alarm.flagged} flagged, score {alarm.score:.3g}; {means(alarm.reason)}",
        first=max(alarm.first - BEFORE, rows["minute"].iloc[0].to_pydatetime()),
        last=min(alarm.last + AFTER, rows["minute"].iloc[-1].to_pydatetime()),
        span=(alarm.first, alarm.last),
        shown_as=shown,
    )
