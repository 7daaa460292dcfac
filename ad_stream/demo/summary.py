"""The demo's numbers as labels and texts, for the printed table and for the top of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.demo.compare import SUDDEN, FaultOutcome
from ad_stream.incidents.events import SILENCE
from ad_stream.report import Fact

if TYPE_CHECKING:
    from ad_stream.demo.simulated import Result
    from ad_stream.pipeline.operation.summary import Summary


def facts(result: Result) -> list[Fact]:
    """The numbers in the order of the data's way."""
    compared, summary = result.comparison, result.streamed.summary
    found = sum(one.found for one in compared.outcomes)
    cpu = result.cpu_seconds_per_million
    alarms = f"{len(compared.alarms)} alarms, {compared.false_flags} flagged minutes"
    return [
        Fact("devices", f"{result.truth.devices}", " and ".join(result.truth.signals)),
        Fact("minutes scored", f"{result.minutes_scored:,}"),
        Fact("faults found", f"{found} of {len(compared.outcomes)}"),
        Fact("false alarms per series and day", f"{compared.false_alarms_per_series_day:.2f}", alarms),
        _incidents(result),
        quarantine_fact(result.quarantined),
        Fact("late readings", f"{result.late:,}"),
        Fact("duplicates removed", f"{summary.duplicates:,}"),
        Fact("new series' minutes asked of a local `serve`", f"{summary.fallback_calls:,}", _failed(summary)),
        Fact("rows pushed to a local Power BI receiver", f"{result.streamed.received:,}"),
        Fact("CPU seconds per million series-minutes", "not measured" if cpu is None else f"{cpu:,.0f}"),
        Fact("seconds in all", f"{result.wall_seconds:.0f}"),
    ]


def _incidents(result: Result) -> Fact:
    silent = sum(one["kind"] == SILENCE for one in result.incidents)
    return Fact("incidents", f"{len(result.incidents):,}", f"{silent} of them silent devices")


def _failed(summary: Summary) -> str:
    return f"{summary.fallback_failed:,} failed" if summary.fallback_failed else "the REST fallback, 12 to 29 points"


def quarantine_fact(quarantined: dict[str, int]) -> Fact:
    """How many messages were set aside, and why."""
    reasons = ", ".join(f"{n} {reason}" for reason, n in quarantined.items())
    return Fact("quarantined", f"{sum(quarantined.values()):,}", reasons)


def by_kind(outcomes: list[FaultOutcome]) -> list[tuple[str, int, int, str]]:
    """(kind, injected, found, typical delay), then spikes, dips and level shifts of 6 and of 8 sigma or more."""
    kinds = list(dict.fromkeys(one.fault.kind for one in outcomes))
    kinds.sort(key=lambda kind: (kind not in SUDDEN, kind))
    groups = [(kind, [one for one in outcomes if one.fault.kind == kind]) for kind in kinds]
    for size in (6, 8):
        large = [one for one in outcomes if one.fault.kind in SUDDEN and one.fault.sigma >= size]
        groups.append((f"sudden ones of {size} sigma or more", large))
    return [
        (name.replace("_", " "), len(group), sum(one.found for one in group), _delay(group)) for name, group in groups
    ]


def _delay(group: list[FaultOutcome]) -> str:
    delays = sorted(one.delay_minutes for one in group if one.delay_minutes is not None)
    return f"{delays[len(delays) // 2]} min" if delays else "-"
